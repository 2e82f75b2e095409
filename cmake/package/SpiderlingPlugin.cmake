# spiderling_add_plugin(NAME SOURCES... [README KIND PLUGIN FILE]): builds libNAME.so, which spiderling loads. FILE, which is
# Markdown, is what `spiderling plugins show PLUGIN` prints; KIND is chef, chain or measurement.
#
# Its symbols are hidden, so that two plugins may have classes of one name; what it calls of spiderling stays open until
# the program loads it.
function(spiderling_add_plugin name)
  cmake_parse_arguments(arg "" "" "README" ${ARGN})
  add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE spiderling::plugin)
  if(arg_README)
    list(GET arg_README 0 kind)
    list(GET arg_README 1 plugin)
    list(GET arg_README 2 file)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} readme)
    set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}_${kind}_${plugin}_readme.cpp)
    file(CONFIGURE OUTPUT ${source} @ONLY CONTENT
         "#include <spiderling/plugin.h>\nSPIDERLING_README(@kind@, \"@plugin@\", R\"README(@readme@)README\")\n")
    target_sources(${name} PRIVATE ${source})
  endif()
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
