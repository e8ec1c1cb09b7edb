# SPDX-License-Identifier: MIT
#
# The libraries for programs that use musl: this same project, configured once more
# with musl-gcc. Gives lib/libheaptracker-preload-musl.so and lib/musl/libheaptracker.a.

if(NOT HT_LIBC_IS_GLIBC OR HT_MUSL STREQUAL "OFF")
    return()
endif()
find_program(HT_MUSL_GCC musl-gcc)
mark_as_advanced(HT_MUSL_GCC)
if(NOT HT_MUSL_GCC)
    if(HT_MUSL STREQUAL "ON")
        message(FATAL_ERROR "HeapTracker: musl-gcc is missing (apt-get install musl-tools)")
    endif()
    message(STATUS "HeapTracker: no libraries for musl: musl-gcc is missing (apt-get install musl-tools)")
    return()
endif()

include(ExternalProject)
set(musl_dir ${PROJECT_BINARY_DIR}/musl)
set(HT_MUSL_LIBRARIES
    ${PROJECT_BINARY_DIR}/lib/libheaptracker-preload-musl.so ${PROJECT_BINARY_DIR}/lib/musl/libheaptracker.a)
ExternalProject_Add(heaptracker_musl
    PREFIX ${musl_dir} SOURCE_DIR ${PROJECT_SOURCE_DIR} BINARY_DIR ${musl_dir}/build
    CMAKE_ARGS -DCMAKE_C_COMPILER=${HT_MUSL_GCC} -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}
        -DHT_WERROR=${HT_WERROR} -DHT_TOOL=OFF -DHT_TESTS=OFF
    BUILD_ALWAYS ON # only that build knows what has changed
    INSTALL_COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/lib/musl
    COMMAND ${CMAKE_COMMAND} -E copy_if_different
        ${musl_dir}/build/lib/libheaptracker-preload-musl.so ${PROJECT_BINARY_DIR}/lib
    COMMAND ${CMAKE_COMMAND} -E copy_if_different
        ${musl_dir}/build/lib/libheaptracker.a ${PROJECT_BINARY_DIR}/lib/musl
    BUILD_BYPRODUCTS ${HT_MUSL_LIBRARIES})
