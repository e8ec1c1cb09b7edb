# SPDX-License-Identifier: MIT
#
# The libraries for other machines that tests run by QEMU: this same project, configured
# once more with each cross compiler that is here. For each NAME in HT_CROSS there are
#   HT_CROSS_CC_<name>     compiler and options
#   HT_CROSS_RUN_<name>    the emulator that runs a program of that machine
#   lib/<name>/            libheaptracker.a and the preload library
set(HT_CROSS "")
if(NOT HT_TESTS OR NOT HT_TOP_LEVEL OR HT_SANITIZE OR HT_CROSS_BUILD)
    return()
endif()
include(ExternalProject)
find_program(HT_ARM_GCC arm-linux-gnueabihf-gcc)
find_program(HT_ARM_QEMU qemu-arm-static)
find_program(HT_AARCH64_GCC aarch64-linux-gnu-gcc)
find_program(HT_AARCH64_QEMU qemu-aarch64-static)
set(HT_ARMHF_MUSL ${PROJECT_SOURCE_DIR}/build/armhf-musl CACHE PATH "Made by scripts/armhf-musl.sh")
mark_as_advanced(HT_ARM_GCC HT_ARM_QEMU HT_AARCH64_GCC HT_AARCH64_QEMU HT_ARMHF_MUSL)

# ht_add_cross(NAME PRELOAD compiler options...): options without the compiler
function(ht_add_cross name library run compiler)
    string(REPLACE ";" " " flags "${ARGN}")
    set(dir ${PROJECT_BINARY_DIR}/${name})
    set(to ${PROJECT_BINARY_DIR}/lib/${name})
    ExternalProject_Add(heaptracker_${name}
        PREFIX ${dir} SOURCE_DIR ${PROJECT_SOURCE_DIR} BINARY_DIR ${dir}/build
        CMAKE_ARGS -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_C_COMPILER=${compiler} "-DCMAKE_C_FLAGS=${flags}"
            -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE} -DHT_WERROR=${HT_WERROR} -DHT_TOOL=OFF -DHT_TESTS=OFF -DHT_MUSL=OFF
        BUILD_ALWAYS ON
        INSTALL_COMMAND ${CMAKE_COMMAND} -E make_directory ${to}
        COMMAND ${CMAKE_COMMAND} -E copy_if_different ${dir}/build/lib/${library} ${to}/libheaptracker-preload.so
        COMMAND ${CMAKE_COMMAND} -E copy_if_different ${dir}/build/lib/libheaptracker.a ${dir}/build/heaptracker.wrap ${to}
        BUILD_BYPRODUCTS ${to}/libheaptracker.a ${to}/libheaptracker-preload.so)
    set(HT_CROSS ${HT_CROSS} ${name} PARENT_SCOPE)
    set(HT_CROSS_CC_${name} ${compiler} ${ARGN} PARENT_SCOPE)
    set(HT_CROSS_RUN_${name} "${run}" PARENT_SCOPE)
endfunction()

# Cortex-A7 with hard float and musl: what Azure Sphere has.
if(HT_ARM_GCC AND HT_ARM_QEMU AND EXISTS ${HT_ARMHF_MUSL}/complete)
    ht_add_cross(armv7-musl libheaptracker-preload-musl.so "${HT_ARM_QEMU} -cpu cortex-a7 -L ${HT_ARMHF_MUSL}"
        ${HT_ARM_GCC} -mcpu=cortex-a7 -funwind-tables -specs=${HT_ARMHF_MUSL}/musl.specs)
endif()
if(HT_AARCH64_GCC AND HT_AARCH64_QEMU)
    ht_add_cross(aarch64-glibc libheaptracker-preload.so "${HT_AARCH64_QEMU} -L /usr/aarch64-linux-gnu" ${HT_AARCH64_GCC})
endif()
