# spiderling_add_plugin(NAME SOURCES...): builds libNAME.so, which spiderling loads.
#
# Its symbols are hidden, so that two plugins may have classes of one name; what it calls of spiderling stays open until
# the program loads it.
function(spiderling_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE spiderling::plugin)
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                        CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
endfunction()

# spiderling_add_plugin_test(NAME PLUGIN SOURCES...): builds the test program NAME from these sources and those of the
# plugin, with the test kit, and has ctest run it. What else it needs: target_link_libraries(NAME PRIVATE GTest::gtest_main).
# Exit status 77 says that it was skipped.
function(spiderling_add_plugin_test name plugin)
  add_executable(${name} ${ARGN} $<TARGET_OBJECTS:${plugin}>)
  target_link_libraries(${name} PRIVATE spiderling::testing)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77
                       ENVIRONMENT "SPIDERLING=${SPIDERLING_PROGRAM};SPIDERLING_PLUGIN_PATH=$<TARGET_FILE_DIR:${plugin}>")
endfunction()
