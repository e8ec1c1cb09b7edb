# SPDX-License-Identifier: MIT
#
# The page of report --format=html. As part of the project's build it adds the command that makes
# build/html/html_page.c, and lists that in HT_HTML_PAGE; the same file, run as a script, is that
# command: npm installs what package-lock.json names, and bundle.mjs makes one page of it.

if(NOT CMAKE_SCRIPT_MODE_FILE)
    set(HT_HTML AUTO CACHE STRING "The html format: AUTO (where npm is found and works), ON, OFF")
    set_property(CACHE HT_HTML PROPERTY STRINGS AUTO ON OFF)
    find_program(HT_NPM npm)
    find_program(HT_NODE node)
    mark_as_advanced(HT_NPM HT_NODE)

    set(HT_HTML_PAGE ${PROJECT_BINARY_DIR}/html/html_page.c)
    set(mode ${HT_HTML})
    if(NOT HT_NPM OR NOT HT_NODE)
        if(HT_HTML STREQUAL "ON")
            message(FATAL_ERROR "HeapTracker: the html format needs npm (apt-get install npm)")
        elseif(HT_HTML STREQUAL "AUTO")
            message(STATUS "HeapTracker: no html format: npm is missing (apt-get install npm)")
        endif()
        set(mode OFF)
    endif()
    # A page that could not be made is tried again by the next build.
    if(EXISTS ${HT_HTML_PAGE})
        file(SIZE ${HT_HTML_PAGE} bytes)
        if(bytes LESS 4096)
            file(REMOVE ${HT_HTML_PAGE})
        endif()
    endif()
    set(web ${PROJECT_SOURCE_DIR}/tool/ui/web)
    file(GLOB inputs CONFIGURE_DEPENDS ${web}/*.mjs ${web}/*.json ${web}/*.html ${web}/*.css ${web}/src/*.ts ${web}/.npmrc)
    add_custom_command(OUTPUT ${HT_HTML_PAGE}
        COMMAND ${CMAKE_COMMAND} -D MODE=${mode} -D NPM=${HT_NPM} -D NODE=${HT_NODE} -D WEB=${web} -D TESTS=${HT_TESTS}
            -D OUTPUT=${HT_HTML_PAGE} -P ${PROJECT_SOURCE_DIR}/cmake/html_page.cmake
        DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/html_page.cmake
        COMMENT "Bundling the page of the html format" VERBATIM)
    return()
endif()

# --- The command: MODE, NPM, NODE, WEB, TESTS, OUTPUT ---------------------------------------------

get_filename_component(place ${OUTPUT} DIRECTORY)
file(MAKE_DIRECTORY ${place})

function(write_no_page)
    file(WRITE ${OUTPUT} "/* Made without npm. */\n#include \"export/html_page.h\"\n\n"
        "const unsigned char html_page_head[] = {0};\nconst size_t html_page_head_bytes = 0;\n"
        "const unsigned char html_page_tail[] = {0};\nconst size_t html_page_tail_bytes = 0;\n")
endfunction()

function(fail text)
    if(MODE STREQUAL "ON")
        message(FATAL_ERROR "HeapTracker: ${text}")
    endif()
    message("HeapTracker: no html format: ${text}")
    write_no_page()
endfunction()

if(MODE STREQUAL "OFF")
    write_no_page()
    return()
endif()

# The sources stay as they are: packages are installed beside the build's copy of the lock file.
file(READ ${WEB}/package-lock.json lock)
string(SHA256 wanted "${lock} ${TESTS}")
set(installed "")
if(EXISTS ${place}/installed)
    file(READ ${place}/installed installed)
endif()
if(NOT installed STREQUAL wanted)
    foreach(name package.json package-lock.json .npmrc)
        configure_file(${WEB}/${name} ${place}/${name} COPYONLY)
    endforeach()
    set(omit --omit=dev)
    if(TESTS)
        set(omit --include=dev) # the type checker and the browser's driver
    endif()
    execute_process(
        COMMAND ${NPM} ci ${omit} --ignore-scripts --prefer-offline --fetch-retries=1 --loglevel=error
        WORKING_DIRECTORY ${place} RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
    if(NOT result EQUAL 0)
        message("${text}")
        fail("npm could not install its packages; build again where it can")
        return()
    endif()
    file(WRITE ${place}/installed ${wanted})
endif()

execute_process(COMMAND ${CMAKE_COMMAND} -E env HT_PACKAGES=${place} ${NODE} ${WEB}/bundle.mjs ${OUTPUT}
    RESULT_VARIABLE result ERROR_VARIABLE text)
if(NOT result EQUAL 0)
    message("${text}")
    fail("bundle.mjs failed")
endif()
