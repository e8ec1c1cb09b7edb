# SPDX-License-Identifier: MIT
#
# The two lists that everything else is made from: the source files and the hooks.
#
#   HT_CORE_SOURCES    compiled once, for both ways of binding
#   HT_ENTRY_SOURCES   src/entry without the hooks, compiled for each way of binding
#   HT_WRAP_SOURCES, HT_PRELOAD_SOURCES   what only the archive or the preload library has
#   HT_HOOK_SOURCES    the family files, src/entry/hooks_FAMILY.c
#   HT_HOOKS           names of all hooks;  HT_HOOK_FAMILY_<name> is its family
#   HT_HOOKS_ABSENT    those that this libc has no function for
#   HT_HOOKS_WARNED    those of whose functions the linker says that they are dangerous

# A file that lies in a layer's folder is a part of the layer.
set(HT_CORE_SOURCES "")
foreach(layer base state port core unwind sink)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${layer}/*.c)
    list(APPEND HT_CORE_SOURCES ${sources})
endforeach()

file(GLOB HT_ENTRY_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/entry/*.c)
set(HT_HOOK_SOURCES ${HT_ENTRY_SOURCES})
set(HT_WRAP_SOURCES ${HT_ENTRY_SOURCES})
set(HT_PRELOAD_SOURCES ${HT_ENTRY_SOURCES})
list(FILTER HT_WRAP_SOURCES INCLUDE REGEX "/(wrap|face[a-z_]*|outcome)\\.c$")
list(FILTER HT_PRELOAD_SOURCES INCLUDE REGEX "/(preload|preload_limits|arena)\\.c$")
list(REMOVE_ITEM HT_ENTRY_SOURCES ${HT_WRAP_SOURCES} ${HT_PRELOAD_SOURCES})
list(FILTER HT_ENTRY_SOURCES EXCLUDE REGEX "/hooks_[a-z]+\\.c$")
list(FILTER HT_HOOK_SOURCES INCLUDE REGEX "/hooks_[a-z]+\\.c$")

# hooks.def says one hook a line: HOOK(name, family, ...).
set(hooks_def ${PROJECT_SOURCE_DIR}/src/entry/hooks.def)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${hooks_def})
file(STRINGS ${hooks_def} lines REGEX "^[ \t]*HOOK\\(")
set(HT_HOOKS "")
foreach(line IN LISTS lines)
    if(NOT line MATCHES "HOOK\\([ \t]*([A-Za-z0-9_]+)[ \t]*,[ \t]*([a-z]+)[ \t]*[,)]")
        message(FATAL_ERROR "${hooks_def}: cannot read: ${line}")
    endif()
    list(APPEND HT_HOOKS ${CMAKE_MATCH_1})
    set(HT_HOOK_FAMILY_${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
endforeach()
if(NOT HT_HOOKS)
    message(FATAL_ERROR "${hooks_def}: no hooks")
endif()

# Learned from one link that names all functions. (C++ has all of its operators.)
function(ht_ask_linker_about_hooks)
    set(declarations "")
    set(names "")
    foreach(hook IN LISTS HT_HOOKS)
        if(NOT HT_HOOK_FAMILY_${hook} STREQUAL "cxx")
            string(APPEND declarations "void ${hook}(void);\n")
            string(APPEND names "    ${hook},\n")
        endif()
    endforeach()
    set(source "${declarations}void (*const all[])(void) = {\n${names}};\nint main(void)\n{\n    return !all[0];\n}\n")
    string(MD5 key "${source}")
    if("${HT_HOOKS_ASKED}" STREQUAL key)
        return()
    endif()

    set(file ${PROJECT_BINARY_DIR}/CMakeFiles/ht_ask_linker.c)
    file(WRITE ${file} "${source}")
    set(ENV{LC_ALL} C) # the linker's words are read
    try_compile(linked ${PROJECT_BINARY_DIR}/CMakeFiles/ht_ask_linker ${file}
        COMPILE_DEFINITIONS -fno-builtin -w LINK_OPTIONS -Wl,--warn-unresolved-symbols
        OUTPUT_VARIABLE output)
    if(NOT linked)
        message(FATAL_ERROR "HeapTracker: cannot tell which functions libc has:\n${output}")
    endif()
    set(absent "")
    set(warned "")
    foreach(hook IN LISTS HT_HOOKS)
        if(output MATCHES "undefined (reference to|symbol:) [`'\"]?${hook}[^A-Za-z0-9_]")
            list(APPEND absent ${hook})
        elseif(output MATCHES "use of [`'\"]?${hook}[`'\"]? is dangerous")
            list(APPEND warned ${hook})
        endif()
    endforeach()
    set(HT_HOOKS_ABSENT "${absent}" CACHE INTERNAL "")
    set(HT_HOOKS_WARNED "${warned}" CACHE INTERNAL "")
    set(HT_HOOKS_ASKED ${key} CACHE INTERNAL "")
endfunction()
ht_ask_linker_about_hooks()
