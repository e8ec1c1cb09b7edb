# SPDX-License-Identifier: MIT
#
# cmake -D SOURCE=... -D OUTPUT=... -P drop_in.cmake
#
# Writes heap_tracker_lib.c: the engine and the five hooks of the original library in
# one file, for projects that compile its two files themselves. Every file appears once,
# in place of its first #include; system headers stay as they are.
cmake_minimum_required(VERSION 3.18)

set(files
    base/format.c
    port/linux.c
    core/block_map.c core/tracker.c core/bounds.c core/thread.c core/nested.c
    core/marks.c core/thresholds.c core/misuse.c core/sites.c core/sizes.c core/timeline.c core/wait_lock.c
    port/linux_modules.c
    unwind/arch_none.c unwind/arch_x86_64.c unwind/arch_aarch64.c unwind/eh_frame.c unwind/expression.c
    unwind/cfi.c unwind/trie.c unwind/chain_edit.c unwind/chain_walk.c unwind/chain.c
    sink/log.c sink/state_file.c
    entry/options.c entry/stacks.c entry/call.c entry/call_log.c entry/start.c entry/api.c entry/wrap.c
    entry/outcome.c entry/hooks_alloc.c entry/hooks_libc.c
    entry/face.c entry/face_aligned.c entry/face_allocated.c entry/face_threshold.c)

set_property(GLOBAL PROPERTY seen "")

# Appends `file` to the variable text of the caller, its project includes expanded.
function(expand file out)
    get_property(seen GLOBAL PROPERTY seen)
    if(file MATCHES "\\.h$" AND file IN_LIST seen)
        set(${out} "" PARENT_SCOPE)
        return()
    endif()
    set_property(GLOBAL APPEND PROPERTY seen ${file})
    if(EXISTS ${SOURCE}/src/${file})
        file(READ ${SOURCE}/src/${file} rest)
    else()
        file(READ ${SOURCE}/include/${file} rest)
    endif()
    string(REPLACE "/* SPDX-License-Identifier: MIT */\n" "" rest "${rest}")
    string(REPLACE "/* SPDX-License-Identifier: MIT\n *\n" "/*\n" rest "${rest}")
    set(text "")
    while(rest MATCHES "#include \"([a-z_/.]+)\"[^\n]*\n")
        set(line "${CMAKE_MATCH_0}")
        set(included ${CMAKE_MATCH_1})
        string(FIND "${rest}" "${line}" at)
        string(LENGTH "${line}" length)
        string(SUBSTRING "${rest}" 0 ${at} before)
        math(EXPR after "${at} + ${length}")
        string(SUBSTRING "${rest}" ${after} -1 rest)
        if(included STREQUAL "heap_tracker_lib.h")
            set(inner "${line}") # the file beside this one
        else()
            expand(${included} inner)
        endif()
        string(APPEND text "${before}${inner}")
    endwhile()
    set(${out} "${text}${rest}" PARENT_SCOPE)
endfunction()

set(result "/* SPDX-License-Identifier: MIT
 *
 * heap_tracker_lib.c - HeapTracker in one file, with the face of the original Azure
 * Sphere HeapTracker. Made from HeapTracker's sources; do not edit. Compile it with
 * your project beside heap_tracker_lib.h and heaptracker.h, and link with
 *   -Wl,--wrap=malloc,--wrap=realloc,--wrap=calloc,--wrap=alloc_aligned,--wrap=free
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#pragma GCC diagnostic ignored \"-Wunused-function\"
#define HT_WRAP 1
#define HT_BIND_malloc 1
#define HT_BIND_calloc 1
#define HT_BIND_realloc 1
#define HT_BIND_free 1
#define HT_BIND_alloc_aligned 1
#define HEAP_TRACKER_LIB_NO_DEFINITIONS

")
foreach(file IN LISTS files)
    expand(${file} text)
    string(APPEND result "${text}\n")
endforeach()
file(WRITE ${OUTPUT} "${result}")
