# The Python side: what embeds and extends /usr/bin/python3. Its sources are compiled once and linked twice.
pkg_check_modules(python REQUIRED IMPORTED_TARGET python-3.11)
pkg_check_modules(python_embed REQUIRED IMPORTED_TARGET python-3.11-embed)

# Where Python code finds our packages in the build tree: the extension module, and links to those of python/.
set(SPIDERLING_PYTHON_FOLDER ${CMAKE_BINARY_DIR}/python)

# spiderling_python(FOLDER ENGINE ... KIT FOLDER LINK ...): src/FOLDER as
#   libspiderling-python.so   the program's door to Python, dlopened by it; what of the engine it uses it takes from the program
#   _spiderling.cpython-...   the extension module, for an ordinary python3; has the ENGINE's stages in itself,
#                             and the test kit of KIT's folder with what that LINKs
#   FOLDER_test               its unit tests, which embed Python as the program does
function(spiderling_python folder)
  cmake_parse_arguments(arg "" "KIT" "ENGINE;LINK" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/src/${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${dir}/*_test.cpp)
  list(REMOVE_ITEM sources ${tests} "")
  add_library(spiderling_${folder} OBJECT ${sources})
  spiderling_target(spiderling_${folder})
  target_include_directories(spiderling_${folder} SYSTEM PUBLIC ${python_INCLUDE_DIRS})
  foreach(stage IN LISTS arg_ENGINE)
    target_include_directories(spiderling_${folder} PRIVATE $<TARGET_PROPERTY:${stage},INTERFACE_INCLUDE_DIRECTORIES>)
    target_compile_definitions(spiderling_${folder} PRIVATE $<TARGET_PROPERTY:${stage},INTERFACE_COMPILE_DEFINITIONS>)
  endforeach()

  add_library(spiderling-python MODULE $<TARGET_OBJECTS:spiderling_${folder}>)
  set_target_properties(spiderling-python PROPERTIES PREFIX lib LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_link_libraries(spiderling-python PRIVATE spiderling_flags PkgConfig::python_embed)

  file(GLOB kit_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${arg_KIT}/*.cpp)
  add_library(spiderling_${arg_KIT} OBJECT ${kit_sources})
  spiderling_target(spiderling_${arg_KIT})
  target_include_directories(spiderling_${arg_KIT} SYSTEM PUBLIC ${python_INCLUDE_DIRS})
  foreach(stage IN LISTS arg_ENGINE arg_LINK)
    target_include_directories(spiderling_${arg_KIT} PRIVATE $<TARGET_PROPERTY:${stage},INTERFACE_INCLUDE_DIRECTORIES>)
    target_compile_definitions(spiderling_${arg_KIT} PRIVATE $<TARGET_PROPERTY:${stage},INTERFACE_COMPILE_DEFINITIONS>)
  endforeach()

  add_library(spiderling_extension MODULE $<TARGET_OBJECTS:spiderling_${folder}> $<TARGET_OBJECTS:spiderling_${arg_KIT}>)
  set_target_properties(spiderling_extension PROPERTIES PREFIX "" OUTPUT_NAME _spiderling
                        SUFFIX .cpython-311-x86_64-linux-gnu.so LIBRARY_OUTPUT_DIRECTORY ${SPIDERLING_PYTHON_FOLDER})
  target_link_libraries(spiderling_extension PRIVATE spiderling_flags ${arg_ENGINE} ${arg_LINK})
  # Another module of the same process, or a plugin of another version, shall not meet our symbols.
  target_link_options(spiderling_extension PRIVATE -Wl,--version-script=${dir}/extension.map)
  set_property(TARGET spiderling_extension APPEND PROPERTY LINK_DEPENDS ${dir}/extension.map)

  if(SPIDERLING_SANITIZE STREQUAL "thread")
    list(FILTER tests INCLUDE REGEX "chef_queue_test")  # the others run CPython, which is not instrumented
  endif()
  spiderling_test(${folder}_test FILES ${tests} LINK spiderling_${folder} ${arg_ENGINE} PkgConfig::python_embed)
  if(TARGET ${folder}_test)
    target_compile_definitions(${folder}_test PRIVATE SPIDERLING_TEST_PACKAGES="${CMAKE_SOURCE_DIR}/python")
  endif()

  file(MAKE_DIRECTORY ${SPIDERLING_PYTHON_FOLDER})
  foreach(package IN ITEMS netdumplings pathspider spiderling)
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/python/${package} ${SPIDERLING_PYTHON_FOLDER}/${package} SYMBOLIC)
  endforeach()
endfunction()
