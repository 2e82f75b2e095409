# Text files of the tree as strings of the program, so that it needs no files where it is installed.

# spiderling_embed_texts(TARGET FILE HEADER SPACE DECLARATION ENTRIES): a source file, made, whose one function gives a list.
function(spiderling_embed_texts target file header space declaration entries)
  set(generated ${CMAKE_BINARY_DIR}/generated/${file})
  file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT [[// Made by cmake/SpiderlingScenarios.cmake.
#include "@header@"

namespace @space@ {

@declaration@ {
  return {
@entries@  };
}

}  // namespace @space@
]])
  target_sources(${target} PRIVATE ${generated})
endfunction()

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
  spiderling_embed_texts(${target} shipped_scenarios.cpp lab/scenario.h spiderling::lab
                         "std::vector<ShippedScenario> shipped_scenarios()" "${entries}")
endfunction()

# spiderling_embed_readmes(KIND OUT): the README.md of every folder of plugins/KIND, for `spiderling plugins show`; OUT is the
# file that has them, as a plugin of a third party would have its own. A folder is named after its plugin; a chef's
# name is what its source registers.
function(spiderling_embed_readmes kind out)
  string(REGEX REPLACE "s$" "" one "${kind}")
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/plugins/${kind}/*/README.md)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(entries "")
  foreach(file IN LISTS files)
    cmake_path(GET file PARENT_PATH folder)
    cmake_path(GET folder FILENAME name)
    if(one STREQUAL "chef")
      file(STRINGS ${folder}/${name}.cpp registration REGEX "^SPIDERLING_CHEF\\(")
      string(REGEX REPLACE ".*[(:]([A-Za-z0-9_]+)\\).*" "\\1" name "${registration}")
    endif()
    file(READ ${file} text)
    string(APPEND entries "SPIDERLING_README(${one}, \"${name}\", R\"README(${text})README\")\n")
  endforeach()
  set(generated ${CMAKE_BINARY_DIR}/generated/${kind}_readmes.cpp)
  file(CONFIGURE OUTPUT ${generated} @ONLY CONTENT [[// Made by cmake/SpiderlingScenarios.cmake.
#include "spiderling/plugin.h"

@entries@]])
  set(${out} ${generated} PARENT_SCOPE)
endfunction()

# spiderling_embed_templates(TARGET FOLDER): every file in and below FOLDER/KIND, for app::plugin_templates().
function(spiderling_embed_templates target folder)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${folder} ${folder}/*)
  list(FILTER files EXCLUDE REGEX "__pycache__")
  set(entries "")
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/${file})
    string(REGEX MATCH "^[^/]+" kind ${file})
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY ${kind} OUTPUT_VARIABLE name)
    file(READ ${folder}/${file} text)
    string(APPEND entries "      {\"${kind}\", \"${name}\", R\"TEMPLATE(${text})TEMPLATE\"},\n")
  endforeach()
  spiderling_embed_texts(${target} plugin_templates.cpp app/plugin_template.h spiderling::app
                         "std::vector<TemplateFile> plugin_templates()" "${entries}")
endfunction()
