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
# sizes take K, M and G. Files that are read (BASELINE, LIMITS, SUPPRESSIONS) count from the
# CMakeLists.txt's folder, those that are written from WORKING_DIRECTORY. All behind COMMAND is
# the command's. It needs no change and no other link line: a dynamically linked program is
# tracked as it is. Works with find_package and with add_subdirectory. Where there is no tool,
# the test is listed as disabled.
cmake_policy(PUSH) # a function keeps the policies of the place where it is defined
cmake_policy(VERSION 3.13...3.25)

# Appends one argument of a test. As it is, a list would lose an empty one, be parted by a
# semicolon, and by a backslash at an end join two; and add_test has keywords. What is an
# expression, it makes the argument of.
function(_heaptracker_append list argument)
    string(REPLACE ";" "$<SEMICOLON>" argument "${argument}$<1:>")
    list(APPEND ${list} "${argument}")
    set(${list} "${${list}}" PARENT_SCOPE)
endfunction()

# keyword was to get a value before what comes now
function(_heaptracker_need_value keyword)
    message(FATAL_ERROR "heaptracker_add_test: ${keyword} has no value: give it one (a variable may be empty), or leave ${keyword} out")
endfunction()

# By hand, since cmake_parse_arguments loses what is empty, and finds keywords among the
# command's arguments.
function(heaptracker_add_test)
    set(limits PEAK LIVE LIVE_BLOCKS ALLOCS TEMPORARY BLOCK FOREIGN INVALID)
    set(inputs BASELINE LIMITS SUPPRESSIONS)
    set(keywords NAME WORKING_DIRECTORY SITES GROWTH FORMAT OUTPUT KEEP STATE_DIR ${limits} ${inputs})
    set(name "")
    set(directory "${CMAKE_CURRENT_BINARY_DIR}")
    set(arguments "")
    set(keyword "") # whose value is next, or may be
    set(waits OFF) # it has none yet
    set(at 0)
    while(at LESS ARGC)
        set(value "${ARGV${at}}")
        math(EXPR at "${at} + 1")
        if(value MATCHES "^(ANY_EXIT|COMMAND)$" OR value IN_LIST keywords)
            if(waits)
                _heaptracker_need_value(${keyword})
            endif()
            if(value STREQUAL "COMMAND")
                break()
            elseif(value STREQUAL "ANY_EXIT")
                list(APPEND arguments --any-exit)
                set(keyword "")
            else()
                set(keyword ${value})
                set(waits ON)
            endif()
            continue()
        endif()
        if(keyword STREQUAL "")
            message(FATAL_ERROR "heaptracker_add_test: unknown argument: '${value}'")
        elseif(value STREQUAL "")
            _heaptracker_need_value(${keyword})
        endif()
        set(waits OFF)
        if(keyword STREQUAL "NAME")
            set(name "${value}")
        elseif(keyword STREQUAL "WORKING_DIRECTORY")
            set(directory "${value}")
        elseif(keyword STREQUAL "SITES")
            _heaptracker_append(arguments "--site=${value}")
            continue() # there may be more
        else()
            string(TOLOWER ${keyword} option)
            string(REPLACE "_" "-" option ${option})
            if(keyword IN_LIST limits)
                set(option max-${option})
            elseif(keyword IN_LIST inputs AND NOT IS_ABSOLUTE "${value}" AND NOT value MATCHES "^\\$<")
                set(value "${CMAKE_CURRENT_SOURCE_DIR}/${value}")
            endif()
            _heaptracker_append(arguments "--${option}=${value}")
        endif()
        set(keyword "")
    endwhile()

    set(program "${ARGV${at}}")
    if(name STREQUAL "")
        message(FATAL_ERROR "heaptracker_add_test: NAME is missing")
    elseif(at EQUAL ARGC OR program STREQUAL "")
        message(FATAL_ERROR "heaptracker_add_test: ${name}: COMMAND is missing, or has no program")
    endif()
    if(TARGET "${program}")
        set(program "$<TARGET_FILE:${program}>")
    endif()
    set(command "")
    _heaptracker_append(command "${program}")
    math(EXPR at "${at} + 1")
    while(at LESS ARGC)
        _heaptracker_append(command "${ARGV${at}}")
        math(EXPR at "${at} + 1")
    endwhile()
    if(TARGET HeapTracker::tool)
        add_test(NAME "${name}" COMMAND HeapTracker::tool check ${arguments} -- ${command}
            WORKING_DIRECTORY "${directory}")
    else()
        message(STATUS "HeapTracker: ${name} is disabled: this HeapTracker was built without its tool")
        add_test(NAME "${name}" COMMAND ${command} WORKING_DIRECTORY "${directory}")
        set_tests_properties("${name}" PROPERTIES DISABLED ON)
    endif()
endfunction()
cmake_policy(POP)
