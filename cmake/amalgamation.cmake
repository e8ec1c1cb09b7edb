# SPDX-License-Identifier: MIT
#
# cmake -D SOURCE=... -D OUTPUT=... -P amalgamation.cmake
#
# Writes into OUTPUT, for projects that compile the tracker themselves:
#   heaptracker.c         the engine in one file, all profiles; heaptracker.h
#   heap_tracker_lib.c    the same with the original library's face; heap_tracker_lib.h
# One of the two sources is compiled. Every project file appears once for each engine,
# in place of its first #include; system headers stay as they are.
cmake_minimum_required(VERSION 3.18)

# The engine of the profile full, and of the small ones.
set(full
    base/format.c base/format_wide.c
    port/linux.c port/linux_files.c
    core/block_map.c core/tracker.c core/bounds.c core/thread.c core/nested.c
    core/marks.c core/thresholds.c core/misuse.c core/sites.c core/sizes.c core/timeline.c core/wait_lock.c
    core/limit.c core/heaps.c
    port/linux_modules.c
    unwind/arch_none.c unwind/arch_x86_64.c unwind/arch_aarch64.c unwind/arch_arm.c unwind/eh_frame.c unwind/expression.c unwind/exidx.c
    unwind/cfi.c unwind/trie.c unwind/chain_edit.c unwind/chain_learn.c unwind/chain_walk.c
    unwind/chain_elsewhere.c unwind/chain.c
    sink/log.c sink/state_file.c
    entry/options.c entry/stacks.c entry/fail_sites.c entry/failing.c
    entry/call.c entry/call_line.c entry/call_log.c entry/start.c entry/heaps_api.c entry/api.c entry/wrap.c
    entry/outcome.c entry/hooks_alloc.c entry/hooks_libc.c)
# Headers first: those that a profile's own files name would be in its condition only.
set(device
    core/device/device.h port/device.h state/device/device.h core/device/block_table.h core/device/small.h
    base/format.c port/device/device.c core/device/block_table.c state/device/dump.c
    core/device/small.c core/device/small_heaps.c core/device/tiny.c sink/device/log.c
    entry/call_line.c entry/device/event.c entry/device/move.c entry/device/hooks.c entry/device/api.c)
set(full_face entry/face.c entry/face_aligned.c entry/face_allocated.c)
set(device_face entry/device/face.c entry/device/face_aligned.c)

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


# The files' text, one engine's.
function(expand_all out)
    set_property(GLOBAL PROPERTY seen "heaptracker_config.h")
    set(all "")
    foreach(file IN LISTS ARGN)
        expand(${file} text)
        if(file STREQUAL "core/device/tiny.c")
            set(text "#if HT_TINY\n${text}#endif\n")
        elseif(file MATCHES "^(core|state)/device/.*c$" OR file MATCHES "^core/device/(small|block_table)\\.h$")
            set(text "#if !HT_TINY\n${text}#endif\n")
        endif()
        string(APPEND all "${text}\n")
    endforeach()
    set(${out} "${all}" PARENT_SCOPE)
endfunction()

# NAME.c: `binds` are the hooks on an operating system.
function(write_source name binds description)
    set_property(GLOBAL PROPERTY seen "")
    expand(heaptracker_config.h config)
    if(name STREQUAL "heap_tracker_lib")
        expand_all(full_text ${full} ${full_face} entry/face_threshold.c)
        expand_all(device_text ${device} ${device_face} entry/face_threshold.c)
    else()
        expand_all(full_text ${full} entry/face_threshold.c)
        expand_all(device_text ${device} entry/face_threshold.c)
    endif()
    set(defines "")
    foreach(bind IN LISTS binds)
        string(APPEND defines "#ifndef HT_BIND_${bind}\n#define HT_BIND_${bind} 1\n#endif\n")
    endforeach()
    file(WRITE ${OUTPUT}/${name}.c "/* SPDX-License-Identifier: MIT
 *
 * ${name}.c - ${description}
 * Made from HeapTracker's sources; do not edit.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#pragma GCC diagnostic ignored \"-Wunused-function\"
#define HT_WRAP 1
#define HT_AMALGAMATION 1
${defines}#define HEAP_TRACKER_LIB_NO_DEFINITIONS

${config}
#if HT_FULL
${full_text}
#else
${device_text}
#endif
")
endfunction()

write_source(heaptracker
    "malloc;calloc;realloc;free;aligned_alloc;memalign;posix_memalign;reallocarray"
    "HeapTracker in one file. Compile it with your project beside
 * heaptracker.h, and link, where there is an operating system, or picolibc, with
 *   -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=aligned_alloc,--wrap=memalign,--wrap=posix_memalign,--wrap=reallocarray
 * and with newlib on bare metal with
 *   -Wl,--wrap=_malloc_r,--wrap=_calloc_r,--wrap=_realloc_r,--wrap=_free_r,--wrap=_memalign_r")
write_source(heap_tracker_lib
    "malloc;calloc;realloc;free;alloc_aligned"
    "HeapTracker in one file, with the face of the original Azure
 * Sphere HeapTracker. Compile it with your project beside heap_tracker_lib.h (and heaptracker.h,
 * where you use that), and link, where there is an operating system, or picolibc, with
 *   -Wl,--wrap=malloc,--wrap=realloc,--wrap=calloc,--wrap=alloc_aligned,--wrap=free
 * and with newlib on bare metal with
 *   -Wl,--wrap=_malloc_r,--wrap=_calloc_r,--wrap=_realloc_r,--wrap=_free_r,--wrap=_memalign_r")

foreach(header heaptracker.h heap_tracker_lib.h heaptracker_config.h)
    file(COPY ${SOURCE}/include/${header} DESTINATION ${OUTPUT})
endforeach()
