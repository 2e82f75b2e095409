# What `cmake --install` and cpack lay down. Three components: `runtime`, what is needed to measure, `dev`, what is needed
# to write plugins, and `python`, what is needed to run those that are in Python. Nothing in it knows where it was built, and the tree may be moved as a whole: the program finds
# what belongs to it from its own place (bin/../lib/spiderling), and so do the files of CMake and pkg-config.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Of the program alone, so in lib/ also where libraries have a folder for each architecture.
set(SPIDERLING_PRIVATE_DIR lib/spiderling)
set(SPIDERLING_LINKS pspdr pathspider nd-sniff nd-hub nd-print nd-hubstatus nd-hubdetails)

# --- runtime
install(TARGETS spiderling RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
foreach(link IN LISTS SPIDERLING_LINKS)
  set(made ${CMAKE_BINARY_DIR}/links/${link})
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/links)
  file(CREATE_LINK spiderling ${made} SYMBOLIC)
  install(FILES ${made} DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
endforeach()
install(DIRECTORY DESTINATION ${SPIDERLING_PRIVATE_DIR}/plugins COMPONENT runtime)
# The program's path in the units is that of the prefix they are installed to.
install(CODE "
  foreach(unit IN ITEMS spiderling-hub.service spiderling-kitchen@.service)
    file(READ \"${CMAKE_SOURCE_DIR}/packaging/systemd/\${unit}\" text)
    string(REPLACE \"/usr/bin/spiderling\" \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/spiderling\" text \"\${text}\")
    file(WRITE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/\${unit}\" \"\${text}\")
  endforeach()" COMPONENT runtime)
# Beside each other, as the README's links have them; authors in Python need them too.
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(DIRECTORY docs examples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT runtime)
foreach(kind IN ITEMS chains chefs measurements)
  file(GLOB readmes CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/plugins/${kind}/*/README.md)
  foreach(readme IN LISTS readmes)
    cmake_path(GET readme PARENT_PATH folder)
    cmake_path(GET folder FILENAME name)
    install(FILES ${readme} DESTINATION ${CMAKE_INSTALL_DOCDIR}/plugins/${kind}/${name} COMPONENT runtime)
  endforeach()
endforeach()

# --- dev
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/spiderling)
install(DIRECTORY include/spiderling DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
install(TARGETS spiderling_plugin EXPORT spiderling)
install(TARGETS spiderling_test_kit spiderling_eater EXPORT spiderling LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev)
install(EXPORT spiderling NAMESPACE spiderling:: FILE spiderlingTargets.cmake DESTINATION ${package_dir} COMPONENT dev)
configure_package_config_file(cmake/package/spiderlingConfig.cmake.in ${CMAKE_BINARY_DIR}/package/spiderlingConfig.cmake
                              INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/spiderlingConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/package/spiderlingConfig.cmake ${CMAKE_BINARY_DIR}/package/spiderlingConfigVersion.cmake
              cmake/package/SpiderlingPlugin.cmake
        DESTINATION ${package_dir} COMPONENT dev)
file(RELATIVE_PATH SPIDERLING_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
foreach(name IN ITEMS spiderling spiderling-testing spiderling-eater)
  configure_file(cmake/package/${name}.pc.in ${CMAKE_BINARY_DIR}/package/${name}.pc @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/package/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
endforeach()
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/spiderling-dev RENAME copyright COMPONENT dev)

# --- python
if(TARGET spiderling-python)
  set(packages_dir lib/python3/dist-packages)  # where Debian's python3 looks, with the prefix /usr
  install(TARGETS spiderling-python LIBRARY DESTINATION ${SPIDERLING_PRIVATE_DIR} COMPONENT python)
  install(TARGETS spiderling_extension LIBRARY DESTINATION ${packages_dir} COMPONENT python)
  foreach(package IN ITEMS netdumplings pathspider spiderling)
    install(DIRECTORY python/${package} DESTINATION ${packages_dir} COMPONENT python OPTIONAL
            PATTERN __pycache__ EXCLUDE PATTERN tests EXCLUDE)
  endforeach()
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/spiderling-python RENAME copyright COMPONENT python)
endif()

# --- packages: cpack -G DEB, in the build tree
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME spiderling)
# The project has no address of its own. Who gives packages to others says who maintains them:
# cpack -G DEB -D CPACK_PACKAGE_CONTACT="Name <address>".
set(CPACK_PACKAGE_CONTACT "The contributors of spiderling")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime dev python)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME spiderling)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "nftables, iproute2, spiderling-python")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS "nginx, knot, apache2-bin")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "network measurement that people extend
 PATHspider (does the path to a target let a protocol feature through?) and
 netdumplings (live JSON from handlers of your own) on one engine.")
set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME spiderling-python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "spiderling (= ${PROJECT_VERSION}), python3 (>= 3.11), python3 (<< 3.12)")
set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS "python3-websockets, python3-scapy")
set(CPACK_COMPONENT_PYTHON_DESCRIPTION "chefs, chains and measurements in Python for spiderling
 Runs those that were written for netdumplings and PATHspider, and new ones.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME spiderling-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "spiderling (= ${PROJECT_VERSION}), libboost-json1.81-dev, libexpected-dev, g++ (>= 4:12)")
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "cmake (>= 3.25), pkg-config, make | ninja-build")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "libgtest-dev")
set(CPACK_COMPONENT_DEV_DESCRIPTION "headers, test kit and guides for plugins of spiderling
 What is needed to write chefs, chains and measurements in C++.")
include(CPack)
