# Text files of the tree as strings of the program, so that it needs no files where it is installed.

# spiderling_embed_scenarios(TARGET FOLDER): every .toml of FOLDER, for lab::shipped_scenarios().
function(spiderling_embed_scenarios target folder)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/*.toml)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(entries "")
  foreach(file IN LISTS files)
    cmake_path(GET file STEM name)
    file(READ ${file} text)
    string(APPEND entries "      {\"${name}\", R\"SCENARIO(${text})SCENARIO\"},\n")
  endforeach()
  set(generated ${CMAKE_BINARY_DIR}/generated/shipped_scenarios.cpp)
  file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT [[// Made by cmake/SpiderlingScenarios.cmake.
#include "lab/scenario.h"

namespace spiderling::lab {

std::vector<ShippedScenario> shipped_scenarios() {
  return {
@entries@  };
}

}  // namespace spiderling::lab
]])
  target_sources(${target} PRIVATE ${generated})
endfunction()
