# SPDX-License-Identifier: MIT
#
# HT_PROFILE=tiny|small: HeapTracker::wrap is then no library, but the amalgamation's one
# source, compiled with the project's own options for its machine, and the --wrap options.
# Says what RAM it takes; the tables' sizes go by HT_DEFINES="HT_BLOCKS=585;HT_SITES=74".
set(HT_AMALGAMATION ${PROJECT_BINARY_DIR}/amalgamation)
execute_process(COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D OUTPUT=${HT_AMALGAMATION}
    -P ${PROJECT_SOURCE_DIR}/cmake/amalgamation.cmake RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "HeapTracker: cannot write ${HT_AMALGAMATION}")
endif()
# Written again when one of these changes. (Not by a command of the build: it would have to
# stand in the folder of whoever compiles the file.)
file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/* ${PROJECT_SOURCE_DIR}/include/*.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/amalgamation.cmake)

# The numbers as the compiler will see them: what is set, else the header's.
function(ht_setting name)
    set(value "")
    foreach(define IN LISTS HT_DEFINES)
        if(define MATCHES "^${name}=([0-9]+)$")
            set(value ${CMAKE_MATCH_1})
        endif()
    endforeach()
    if(value STREQUAL "")
        file(STRINGS ${PROJECT_SOURCE_DIR}/include/heaptracker_config.h line REGEX "^#define ${name} [0-9]+")
        string(REGEX REPLACE "^#define ${name} ([0-9]+).*" "\\1" value "${line}")
    endif()
    set(${name} ${value} PARENT_SCOPE)
endfunction()

if(HT_PROFILE STREQUAL "tiny")
    ht_setting(HT_RAM_TINY)
    message(STATUS "HeapTracker: profile tiny, at most ${HT_RAM_TINY} bytes of RAM on a 32-bit machine")
else()
    foreach(name HT_BLOCKS HT_SITES HT_THRESHOLDS HT_WARNED HT_RAM_BLOCK HT_RAM_SITE HT_RAM_THRESHOLD HT_RAM_WARNED
            HT_HEAPS HT_HEAP_SITES HT_RAM_HEAP HT_RAM_SMALL_FIXED)
        ht_setting(${name})
    endforeach()
    math(EXPR ram "(((${HT_RAM_SMALL_FIXED} - 12 + ${HT_BLOCKS} * ${HT_RAM_BLOCK} + ${HT_SITES} * ${HT_RAM_SITE} + \
        ${HT_THRESHOLDS} * ${HT_RAM_THRESHOLD} + ${HT_WARNED} * ${HT_RAM_WARNED} + 7) / 8) * 8) + \
        ${HT_HEAPS} * (${HT_RAM_HEAP} + ${HT_HEAP_SITES} * ${HT_RAM_SITE}) + 12")
    set(heaps "")
    if(HT_HEAPS GREATER 0)
        set(heaps "${HT_HEAPS} other heaps of ${HT_RAM_HEAP} with ${HT_HEAP_SITES} calling places, ")
    endif()
    message(STATUS "HeapTracker: profile small, ${ram} bytes of RAM on a 32-bit machine: ${HT_BLOCKS} blocks of \
${HT_RAM_BLOCK}, ${HT_SITES} calling places of ${HT_RAM_SITE}, ${HT_THRESHOLDS} thresholds of ${HT_RAM_THRESHOLD}, \
${HT_WARNED} warnings of ${HT_RAM_WARNED}, ${heaps}and ${HT_RAM_SMALL_FIXED}")
endif()

# Newlib's functions call _malloc_r and its like; in other C libraries there are none.
include(CheckCSourceCompiles)
check_c_source_compiles("
    #include <sys/types.h>
    #if !defined(__NEWLIB__) || defined(__PICOLIBC__)
    #error another
    #endif
    int main(void) { return 0; }" HT_LIBC_IS_NEWLIB)
if(HT_LIBC_IS_NEWLIB)
    set(wrapped _malloc_r _calloc_r _realloc_r _free_r _memalign_r)
else()
    set(wrapped malloc calloc realloc free aligned_alloc memalign posix_memalign reallocarray)
endif()
list(TRANSFORM wrapped PREPEND -Wl,--wrap=)

add_library(heaptracker_wrap INTERFACE)
add_library(HeapTracker::wrap ALIAS heaptracker_wrap)
target_sources(heaptracker_wrap INTERFACE ${HT_AMALGAMATION}/heap_tracker_lib.c)
target_include_directories(heaptracker_wrap INTERFACE ${HT_AMALGAMATION})
foreach(hook malloc calloc realloc free aligned_alloc memalign posix_memalign reallocarray)
    list(APPEND binds HT_BIND_${hook}=1)
endforeach()
target_compile_definitions(heaptracker_wrap INTERFACE HT_PROFILE=${HT_PROFILE} ${HT_DEFINES})
# A source's options are those of one folder: here, and where a project that has this one in
# its tree has its program.
set_source_files_properties(${HT_AMALGAMATION}/heap_tracker_lib.c DIRECTORY ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}
    PROPERTIES COMPILE_OPTIONS "-ffunction-sections;-fdata-sections")
target_compile_definitions(heaptracker_wrap INTERFACE ${binds})
target_link_options(heaptracker_wrap INTERFACE ${wrapped} -Wl,--gc-sections)
