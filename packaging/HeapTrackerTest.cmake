# SPDX-License-Identifier: MIT
#
#   heaptracker_add_test(NAME name
#       [PEAK size] [LIVE size] [LIVE_BLOCKS n] [ALLOCS n] [TEMPORARY percent] [BLOCK size] [FOREIGN n]
#       [INVALID n] [SITES glob:what=n...] [BASELINE file] [GROWTH n%|size] [LIMITS file] [SUPPRESSIONS file]
#       [FORMAT form] [OUTPUT file] [KEEP file] [STATE_DIR dir] [ANY_EXIT] [WORKING_DIRECTORY dir]
#       COMMAND target|program [argument...])
#
# A test that runs COMMAND under `heaptracker check`: it passes when the command succeeds
# and keeps within the limits. Each keyword is the option of that name (docs/check.md);
# sizes take K, M and G. COMMAND needs no change and no other link line: a dynamically
# linked program is tracked as it is. Works with find_package and with add_subdirectory.
# Where there is no tool, the test is listed as disabled.
cmake_policy(PUSH) # a function keeps the policies of the place where it is defined
cmake_policy(VERSION 3.13...3.25)
function(heaptracker_add_test)
    set(limits PEAK LIVE LIVE_BLOCKS ALLOCS TEMPORARY BLOCK FOREIGN INVALID)
    set(options BASELINE GROWTH LIMITS SUPPRESSIONS FORMAT OUTPUT KEEP STATE_DIR)
    cmake_parse_arguments(PARSE_ARGV 0 A "ANY_EXIT" "NAME;WORKING_DIRECTORY;${limits};${options}" "SITES;COMMAND")
    foreach(needed NAME COMMAND)
        if(NOT A_${needed})
            message(FATAL_ERROR "heaptracker_add_test: ${needed} is missing")
        endif()
    endforeach()
    if(A_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "heaptracker_add_test: unknown argument: ${A_UNPARSED_ARGUMENTS}")
    endif()

    set(arguments "")
    foreach(keyword IN LISTS limits options)
        if(DEFINED A_${keyword})
            string(TOLOWER ${keyword} option)
            string(REPLACE "_" "-" option ${option})
            if(keyword IN_LIST limits)
                set(option max-${option})
            endif()
            list(APPEND arguments --${option}=${A_${keyword}})
        endif()
    endforeach()
    foreach(site IN LISTS A_SITES)
        list(APPEND arguments --site=${site})
    endforeach()
    if(A_ANY_EXIT)
        list(APPEND arguments --any-exit)
    endif()

    list(GET A_COMMAND 0 program)
    list(REMOVE_AT A_COMMAND 0)
    if(TARGET ${program})
        set(program $<TARGET_FILE:${program}>)
    endif()
    if(NOT A_WORKING_DIRECTORY)
        set(A_WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
    endif()
    if(TARGET HeapTracker::tool)
        add_test(NAME "${A_NAME}" COMMAND HeapTracker::tool check ${arguments} -- ${program} ${A_COMMAND}
            WORKING_DIRECTORY ${A_WORKING_DIRECTORY})
    else()
        message(STATUS "HeapTracker: ${A_NAME} is disabled: this HeapTracker was built without its tool")
        add_test(NAME "${A_NAME}" COMMAND ${program} ${A_COMMAND} WORKING_DIRECTORY ${A_WORKING_DIRECTORY})
        set_tests_properties("${A_NAME}" PROPERTIES DISABLED ON)
    endif()
endfunction()
cmake_policy(POP)
