# SPDX-License-Identifier: MIT
#
# heaptracker_static   libheaptracker.a, for linking with --wrap; one object per hook,
#                      so that a program which wraps some functions only links too
# heaptracker_wrap     no file: the archive, its headers and every --wrap option
# heaptracker_preload  the library for LD_PRELOAD
set(HT_GENERATED ${PROJECT_BINARY_DIR}/generated)

function(ht_set_library_options target)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    # Empty as in "#define _GNU_SOURCE", so that a file may say it too.
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE= HT_VERSION="${PROJECT_VERSION}"
        HT_TAIL_CALLS=${HT_TAIL_CALLS} ${ARGN})
    target_compile_options(${target} PRIVATE ${HT_OPTIMIZE} ${HT_LIBRARY_OPTIONS} ${HT_WARNINGS})
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF INTERPROCEDURAL_OPTIMIZATION OFF
        ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
endfunction()

# --- Linked in ---------------------------------------------------------------

set(hook_objects "")
set(HT_WRAP_OPTIONS "")
foreach(kind c cxx)
    set(declarations_${kind} "")
    set(names_${kind} "")
endforeach()
foreach(hook IN LISTS HT_HOOKS)
    set(family ${HT_HOOK_FAMILY_${hook}})
    set(present 1)
    if(hook IN_LIST HT_HOOKS_ABSENT)
        set(present 0)
    endif()
    configure_file(cmake/hook.c.in ${HT_GENERATED}/hook_${hook}.c @ONLY)
    list(APPEND hook_objects ${HT_GENERATED}/hook_${hook}.c)
    list(APPEND HT_WRAP_OPTIONS -Wl,--wrap=${hook})
    # The linker warns of every use of tempnam, so only a program that calls it gets it.
    if(present AND NOT hook STREQUAL "tempnam")
        set(kind c)
        if(family STREQUAL "cxx")
            set(kind cxx)
        endif()
        string(APPEND declarations_${kind} "void __wrap_${hook}(void);\n")
        string(APPEND names_${kind} "    __wrap_${hook},\n")
    endif()
endforeach()

# Archives after ours on the command line (libc.a, libstdc++.a) call hooks that the
# program itself does not: these two symbols bring in all hooks at once, but for those
# that have nothing to call or would make each user's link print a warning. The operators
# have a symbol of their own, for in a C program there is nothing that they could call.
foreach(kind c cxx)
    set(declarations "${declarations_${kind}}")
    set(names "${names_${kind}}")
    configure_file(cmake/wrap_all.c.in ${HT_GENERATED}/wrap_${kind}.c @ONLY)
endforeach()
# ht_api_get: the public header's reference to it is weak, and brings in nothing.
list(APPEND HT_WRAP_OPTIONS -Wl,--undefined=ht_wrap_c -Wl,--undefined=ht_api_get)

add_library(heaptracker_static STATIC ${HT_CORE_SOURCES} ${HT_ENTRY_SOURCES} ${HT_WRAP_SOURCES}
    ${hook_objects} ${HT_GENERATED}/wrap_c.c ${HT_GENERATED}/wrap_cxx.c)
add_library(HeapTracker::heaptracker ALIAS heaptracker_static)
ht_set_library_options(heaptracker_static HT_WRAP=1)
set_target_properties(heaptracker_static PROPERTIES OUTPUT_NAME heaptracker EXPORT_NAME heaptracker)
target_compile_options(heaptracker_static PRIVATE ${HT_SANITIZE_OPTIONS})
target_link_options(heaptracker_static INTERFACE ${HT_SANITIZE_OPTIONS})
target_link_libraries(heaptracker_static PUBLIC Threads::Threads)
target_include_directories(heaptracker_static INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

add_library(heaptracker_wrap INTERFACE)
add_library(HeapTracker::wrap ALIAS heaptracker_wrap)
set_target_properties(heaptracker_wrap PROPERTIES EXPORT_NAME wrap)
target_link_libraries(heaptracker_wrap INTERFACE heaptracker_static)
target_link_options(heaptracker_wrap INTERFACE ${HT_WRAP_OPTIONS}
    $<$<LINK_LANGUAGE:CXX>:-Wl,--undefined=ht_wrap_cxx>)

# The same options for other build systems: cc ... @heaptracker.wrap -lheaptracker
string(REPLACE ";" "\n" wrap_lines "${HT_WRAP_OPTIONS}")
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/heaptracker.wrap CONTENT "${wrap_lines}\n")

# --- Two files to copy ---------------------------------------------------------

set(HT_AMALGAMATION ${PROJECT_BINARY_DIR}/amalgamation)
file(GLOB_RECURSE amalgamation_inputs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/* ${PROJECT_SOURCE_DIR}/include/*.h)
add_custom_command(OUTPUT ${HT_AMALGAMATION}/heaptracker.c ${HT_AMALGAMATION}/heap_tracker_lib.c
    COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D OUTPUT=${HT_AMALGAMATION}
        -P ${PROJECT_SOURCE_DIR}/cmake/amalgamation.cmake
    DEPENDS ${amalgamation_inputs} ${PROJECT_SOURCE_DIR}/cmake/amalgamation.cmake
    COMMENT "Writing amalgamation/heaptracker.c and heap_tracker_lib.c" VERBATIM)
add_custom_target(heaptracker_amalgamation ALL DEPENDS ${HT_AMALGAMATION}/heaptracker.c)

# --- Preloaded ---------------------------------------------------------------

if(HT_SANITIZE)
    return() # the sanitizers' own malloc must come first
endif()

# The family libc is for --wrap only: here the malloc calls inside libc are seen.
set(exported "")
foreach(hook IN LISTS HT_HOOKS)
    if(NOT HT_HOOK_FAMILY_${hook} STREQUAL "libc")
        string(APPEND exported " ${hook};")
    endif()
endforeach()
# Only what there is (src/entry/preload.c, preload_limits.c): a linker may refuse the rest.
if(CMAKE_SIZEOF_VOID_P EQUAL 8)
    string(APPEND exported " setrlimit; setrlimit64; getrlimit; getrlimit64; prlimit; prlimit64;")
endif()
if(HT_LIBC_IS_GLIBC AND CMAKE_C_COMPILER_ID MATCHES "Clang")
    string(APPEND exported " dlopen;")
elseif(HT_LIBC_IS_GLIBC)
    string(APPEND exported "$<${HT_TAIL_CALLS}: dlopen;>")
endif()
file(GENERATE OUTPUT ${HT_GENERATED}/preload.map CONTENT "{ global: ht_api_get; heaptracker_preloaded; dlclose;${exported} local: *; };\n")

set(preload_hook_sources ${HT_HOOK_SOURCES})
list(FILTER preload_hook_sources EXCLUDE REGEX "/hooks_libc\\.c$")
add_library(heaptracker_preload MODULE ${HT_CORE_SOURCES} ${HT_ENTRY_SOURCES} ${HT_PRELOAD_SOURCES}
    ${preload_hook_sources})
ht_set_library_options(heaptracker_preload HT_PRELOAD=1 HT_BIND_ALL=1)
set_target_properties(heaptracker_preload PROPERTIES
    PREFIX lib OUTPUT_NAME ${HT_PRELOAD_NAME} LINK_DEPENDS ${HT_GENERATED}/preload.map)
# nodelete: what it registers (fork and exit handlers, thread keys) outlives a dlclose. Not -Bsymbolic, by
# which dlsym(RTLD_DEFAULT) finds this library's functions before the program's own.
target_link_options(heaptracker_preload PRIVATE -Wl,-z,now -Wl,-z,nodelete -Wl,-z,defs -Wl,-Bsymbolic-functions
    -Wl,--as-needed -Wl,--version-script=${HT_GENERATED}/preload.map)
target_link_libraries(heaptracker_preload PRIVATE Threads::Threads ${CMAKE_DL_LIBS})
