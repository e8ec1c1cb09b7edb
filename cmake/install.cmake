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

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(EXISTS ${PROJECT_SOURCE_DIR}/README.md)
    install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/docs)
    install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md" PATTERN "*.png" PATTERN "*.svg" PATTERN man EXCLUDE)
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/docs/man)
    install(DIRECTORY docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
endif()
