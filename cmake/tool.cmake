# SPDX-License-Identifier: MIT
#
# heaptracker_tool   bin/heaptracker

if(HT_TOOL STREQUAL "OFF")
    return()
endif()
find_path(HT_JANSSON_INCLUDE jansson.h)
find_library(HT_JANSSON_LIBRARY jansson)
mark_as_advanced(HT_JANSSON_INCLUDE HT_JANSSON_LIBRARY)
if(NOT HT_JANSSON_INCLUDE OR NOT HT_JANSSON_LIBRARY)
    if(HT_TOOL STREQUAL "ON")
        message(FATAL_ERROR "HeapTracker: jansson is missing (apt-get install libjansson-dev)")
    endif()
    message(STATUS "HeapTracker: the libraries only, no tool: jansson is missing (apt-get install libjansson-dev)")
    return()
endif()

# The tool shares the state file's layout and validator with the library.
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tool/*.c)
file(GLOB shared CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/base/*.c ${PROJECT_SOURCE_DIR}/src/state/*.c)
add_executable(heaptracker_tool ${sources} ${shared})
target_include_directories(heaptracker_tool PRIVATE
    ${PROJECT_SOURCE_DIR}/tool ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include ${HT_JANSSON_INCLUDE})
target_compile_definitions(heaptracker_tool PRIVATE _GNU_SOURCE= HT_VERSION="${PROJECT_VERSION}")
target_compile_options(heaptracker_tool PRIVATE ${HT_OPTIMIZE} ${HT_WARNINGS} ${HT_SANITIZE_OPTIONS})
target_link_options(heaptracker_tool PRIVATE ${HT_SANITIZE_OPTIONS})
target_link_libraries(heaptracker_tool PRIVATE ${HT_JANSSON_LIBRARY})
set_target_properties(heaptracker_tool PROPERTIES OUTPUT_NAME heaptracker
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
