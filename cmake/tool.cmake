# SPDX-License-Identifier: MIT
#
# heaptracker_tool   bin/heaptracker

if(HT_TOOL STREQUAL "OFF")
    return()
endif()
find_path(HT_JANSSON_INCLUDE jansson.h)
find_library(HT_JANSSON_LIBRARY jansson)
find_path(HT_LIBDW_INCLUDE elfutils/libdwfl.h)
find_library(HT_LIBDW_LIBRARY dw)
find_library(HT_LIBELF_LIBRARY elf)
find_path(HT_XXHASH_INCLUDE xxhash.h)
find_library(HT_XXHASH_LIBRARY xxhash)
find_path(HT_LIBIBERTY_INCLUDE libiberty/demangle.h)
find_library(HT_LIBIBERTY_LIBRARY iberty)
find_path(HT_ZLIB_INCLUDE zlib.h)
find_library(HT_ZLIB_LIBRARY z)
mark_as_advanced(HT_JANSSON_INCLUDE HT_JANSSON_LIBRARY HT_LIBDW_INCLUDE HT_LIBDW_LIBRARY HT_LIBELF_LIBRARY
    HT_XXHASH_INCLUDE HT_XXHASH_LIBRARY HT_LIBIBERTY_INCLUDE HT_LIBIBERTY_LIBRARY HT_ZLIB_INCLUDE HT_ZLIB_LIBRARY)

set(missing "")
if(NOT HT_JANSSON_INCLUDE OR NOT HT_JANSSON_LIBRARY)
    list(APPEND missing libjansson-dev)
endif()
if(NOT HT_LIBDW_INCLUDE OR NOT HT_LIBDW_LIBRARY OR NOT HT_LIBELF_LIBRARY)
    list(APPEND missing libdw-dev)
endif()
# Not left out of the tool where it is missing: damaged files would be believed there.
if(NOT HT_XXHASH_INCLUDE OR NOT HT_XXHASH_LIBRARY)
    list(APPEND missing libxxhash-dev)
endif()
if(missing)
    list(JOIN missing " " missing)
    if(HT_TOOL STREQUAL "ON")
        message(FATAL_ERROR "HeapTracker: the tool needs more (apt-get install ${missing})")
    endif()
    message(STATUS "HeapTracker: the libraries only, no tool: it needs more (apt-get install ${missing})")
    return()
endif()

# The tool shares the state file's layout and validator with the library.
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tool/*.c)
file(GLOB shared CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/base/*.c ${PROJECT_SOURCE_DIR}/src/state/*.c
    ${PROJECT_SOURCE_DIR}/src/state/device/*.c)
include(${CMAKE_CURRENT_LIST_DIR}/html_page.cmake)
add_executable(heaptracker_tool ${sources} ${shared} ${HT_HTML_PAGE})
add_executable(HeapTracker::tool ALIAS heaptracker_tool)
target_include_directories(heaptracker_tool PRIVATE
    ${PROJECT_SOURCE_DIR}/tool ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include ${HT_JANSSON_INCLUDE} ${HT_LIBDW_INCLUDE}
    ${HT_XXHASH_INCLUDE})
target_compile_definitions(heaptracker_tool PRIVATE _GNU_SOURCE= HT_VERSION="${PROJECT_VERSION}")
target_compile_options(heaptracker_tool PRIVATE ${HT_OPTIMIZE} ${HT_WARNINGS} ${HT_SANITIZE_OPTIONS})
target_link_options(heaptracker_tool PRIVATE ${HT_SANITIZE_OPTIONS})
target_link_libraries(heaptracker_tool PRIVATE m Threads::Threads ${HT_JANSSON_LIBRARY} ${HT_LIBDW_LIBRARY}
    ${HT_LIBELF_LIBRARY} ${HT_XXHASH_LIBRARY})
set_target_properties(heaptracker_tool PROPERTIES OUTPUT_NAME heaptracker EXPORT_NAME tool
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
# Demangles the names of C++ and Rust; without it they are shown as they are.
if(HT_LIBIBERTY_INCLUDE AND HT_LIBIBERTY_LIBRARY)
    target_compile_definitions(heaptracker_tool PRIVATE HT_HAS_LIBIBERTY)
    target_include_directories(heaptracker_tool PRIVATE ${HT_LIBIBERTY_INCLUDE})
    target_link_libraries(heaptracker_tool PRIVATE ${HT_LIBIBERTY_LIBRARY})
else()
    message(STATUS "HeapTracker: C++ and Rust names stay mangled: libiberty is missing (apt-get install libiberty-dev)")
endif()
# Compresses what report --format=pprof writes; readers take it without that, too.
if(HT_ZLIB_INCLUDE AND HT_ZLIB_LIBRARY)
    target_compile_definitions(heaptracker_tool PRIVATE HT_HAS_ZLIB)
    target_include_directories(heaptracker_tool PRIVATE ${HT_ZLIB_INCLUDE})
    target_link_libraries(heaptracker_tool PRIVATE ${HT_ZLIB_LIBRARY})
else()
    message(STATUS "HeapTracker: profiles for pprof are not compressed: zlib is missing (apt-get install zlib1g-dev)")
endif()
