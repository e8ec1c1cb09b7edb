# SPDX-License-Identifier: MIT
#
# What `make install` puts where. All of it may be moved afterwards: the CMake
# package, the .pc file and the tool find the rest from where they are themselves.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${HT_AMALGAMATION}/heap_tracker_lib.c ${HT_AMALGAMATION}/heaptracker.c DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

install(TARGETS heaptracker_static heaptracker_wrap EXPORT HeapTrackerTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET heaptracker_preload)
    install(TARGETS heaptracker_preload LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(TARGET heaptracker_musl)
    install(FILES ${PROJECT_BINARY_DIR}/lib/libheaptracker-preload-musl.so DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(FILES ${PROJECT_BINARY_DIR}/lib/musl/libheaptracker.a DESTINATION ${CMAKE_INSTALL_LIBDIR}/musl)
endif()
if(TARGET heaptracker_tool)
    install(TARGETS heaptracker_tool EXPORT HeapTrackerTargets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/HeapTracker)
install(EXPORT HeapTrackerTargets NAMESPACE HeapTracker:: DESTINATION ${package_dir})
configure_package_config_file(packaging/HeapTrackerConfig.cmake.in ${HT_GENERATED}/HeapTrackerConfig.cmake
    INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${HT_GENERATED}/HeapTrackerConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${HT_GENERATED}/HeapTrackerConfig.cmake ${HT_GENERATED}/HeapTrackerConfigVersion.cmake
    ${PROJECT_SOURCE_DIR}/packaging/HeapTrackerTest.cmake DESTINATION ${package_dir})

# pkg-config: the way from the .pc file up to the prefix.
file(RELATIVE_PATH HT_PC_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" HT_PC_TO_PREFIX "${HT_PC_TO_PREFIX}")
string(REPLACE ";" " " HT_PC_WRAP "${HT_WRAP_OPTIONS}")
configure_file(packaging/heaptracker.pc.in ${HT_GENERATED}/heaptracker.pc @ONLY)
install(FILES ${HT_GENERATED}/heaptracker.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES ${PROJECT_BINARY_DIR}/heaptracker.wrap DESTINATION ${CMAKE_INSTALL_DATADIR}/heaptracker)

# The documents, and what they link to, lie to each other as in the source: each link works.
install(FILES README.md CONTRIBUTING.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs examples bench DESTINATION ${CMAKE_INSTALL_DOCDIR}
    PATTERN man EXCLUDE PATTERN out EXCLUDE PATTERN __pycache__ EXCLUDE)
install(DIRECTORY include DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.h")
foreach(file src/README.md src/core/README.md src/unwind/README.md src/state/state.h tool/ui/web/README.md)
    get_filename_component(folder ${file} DIRECTORY)
    install(FILES ${file} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder})
endforeach()
install(DIRECTORY docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
