# What plugins and their tests are built with, in the tree as after an installation.
include(GNUInstallDirs)
add_library(spiderling_plugin INTERFACE)
target_include_directories(spiderling_plugin INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(spiderling_plugin INTERFACE cxx_std_20)
target_link_libraries(spiderling_plugin INTERFACE Boost::json)
set_target_properties(spiderling_plugin PROPERTIES EXPORT_NAME plugin)

# libspiderling-testing.so: the test kit of plugins' authors, with the engine's stages inside. What they may call is in
# cmake/package/testing.map; all else is hidden, so that nothing of the engine meets what a test links besides.
add_library(spiderling_test_kit SHARED ${CMAKE_SOURCE_DIR}/cmake/package/test_kit.cpp)
target_link_libraries(spiderling_test_kit
  PRIVATE spiderling::testing spiderling::builtin_chains spiderling::builtin_chefs spiderling::builtin_measurements
  PUBLIC spiderling_plugin)
set_property(TARGET spiderling_test_kit PROPERTY LINK_LIBRARY_OVERRIDE
  "WHOLE_ARCHIVE,spiderling_base,spiderling_wire,spiderling_jobs,spiderling_testing")
set(map ${CMAKE_SOURCE_DIR}/cmake/package/testing.map)
target_link_options(spiderling_test_kit PRIVATE -Wl,--version-script=${map} -Wl,-Bsymbolic -Wl,--no-undefined)
set_target_properties(spiderling_test_kit PROPERTIES OUTPUT_NAME spiderling-testing EXPORT_NAME testing
                      LINK_DEPENDS ${map} LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
