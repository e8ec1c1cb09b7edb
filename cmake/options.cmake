# SPDX-License-Identifier: MIT
#
# Compiler options that several targets share.

set(HT_WARNINGS -Wall -Wextra -Wconversion -Wshadow)
if(HT_WERROR)
    list(APPEND HT_WARNINGS -Werror)
endif()

set(HT_SANITIZE_OPTIONS "")
if(HT_SANITIZE)
    set(HT_SANITIZE_OPTIONS -fsanitize=${HT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
endif()

# For all that may run inside the tracked program's malloc:
#  - initial-exec: the other models may allocate at a thread's first access;
#  - exceptions: operator new's bad_alloc passes through our frames, and is noticed;
#  - no builtins of the malloc family: the compiler must not turn the body of
#    calloc into a call of calloc.
set(HT_LIBRARY_OPTIONS -fPIC -fvisibility=hidden -ftls-model=initial-exec -fexceptions
    -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free
    -fno-builtin-aligned_alloc -fno-builtin-strdup -fno-builtin-strndup)

# A project that includes this one may have set no kind of build.
set(HT_OPTIMIZE $<$<CONFIG:>:-O2> $<$<CONFIG:>:-g>)

# Builds in which GCC makes a jump of a call at a function's end (src/entry/call.h). A list of
# sanitizers has a comma, which parts a generator expression's arguments.
if(HT_SANITIZE)
    set(HT_TAIL_CALLS 0)
else()
    set(HT_TAIL_CALLS $<NOT:$<CONFIG:Debug>>)
endif()
list(APPEND HT_LIBRARY_OPTIONS $<${HT_TAIL_CALLS}:-foptimize-sibling-calls>)

# Preload libraries are named after the libc, for the tool must give each program its own.
include(CheckCSourceCompiles)
check_c_source_compiles("
    #include <features.h>
    #ifndef __GLIBC__
    #error another libc
    #endif
    int main(void) { return 0; }" HT_LIBC_IS_GLIBC)
if(HT_LIBC_IS_GLIBC)
    set(HT_PRELOAD_NAME heaptracker-preload)
else()
    set(HT_PRELOAD_NAME heaptracker-preload-musl)
endif()
