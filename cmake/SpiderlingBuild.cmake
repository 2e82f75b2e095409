# How everything is compiled, and the three functions that the build is made of.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(SPIDERLING_TESTS "Build the tests" ON)
option(SPIDERLING_FUZZ "Build the fuzz targets (needs clang)" OFF)
option(SPIDERLING_BENCH "Build the benchmarks and their rivals" OFF)
option(SPIDERLING_UNITY "Compile the files of a folder together: a third less time, but no check of each file's own includes" OFF)
set(SPIDERLING_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

find_program(CCACHE ccache)
if(CCACHE)
  # pch_defines,time_macros: what ccache needs to be told to work with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE})
endif()

add_library(spiderling_flags INTERFACE)
target_compile_options(spiderling_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Werror -fno-strict-aliasing -fvisibility-inlines-hidden)
# One compilation serves the program and the shared objects that are made of the same stages (the test kit of plugins'
# authors, the Python side). A program's own calls are bound by the linker; that shared objects replace functions of each
# other is given up, so that the compiler may inline across them.
target_compile_options(spiderling_flags INTERFACE -fPIC -fno-semantic-interposition)
target_link_options(spiderling_flags INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(spiderling_flags INTERFACE -fpch-preprocess)
endif()
if(SPIDERLING_SANITIZE)
  add_compile_options(-fsanitize=${SPIDERLING_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented code of others (Boost; the frames of its coroutines) sets these off for nothing.
    add_compile_options(-Wno-maybe-uninitialized -Wno-mismatched-new-delete)
  else()
    add_compile_options(-fno-sanitize=function)  # clang 14 cannot compile coroutines with it
  endif()
  add_link_options(-fsanitize=${SPIDERLING_SANITIZE})
endif()
if(SPIDERLING_FUZZ)
  # The fuzzer is guided by the coverage of all the code, not only of its targets.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(SPIDERLING_UNITY)
  # What is one file's own meets the other files' here; release builds hold these.
  target_compile_options(spiderling_flags INTERFACE -Wno-shadow -Wno-unused-function)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(spiderling_flags INTERFACE -Wno-subobject-linkage)
  endif()
endif()
target_include_directories(spiderling_flags INTERFACE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)

find_package(Threads REQUIRED)
target_link_libraries(spiderling_flags INTERFACE Threads::Threads)

# spiderling_pch_library(NAME HEADER [DEFINITIONS ...] LINK ...): builds a precompiled header once, for others to reuse.
# No two compilations of one are the same to the byte; so ccache is told what is in it by a checksum of the preprocessed
# text, and a build in another checkout finds what was compiled in the first.
function(spiderling_pch_library name header)
  cmake_parse_arguments(arg "" "" "DEFINITIONS;LINK" ${ARGN})
  add_library(${name} OBJECT ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
  target_link_libraries(${name} PUBLIC spiderling_flags ${arg_LINK})
  target_precompile_headers(${name} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/${header})
  list(TRANSFORM arg_DEFINITIONS PREPEND -D)
  execute_process(
    COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -E -P -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_SOURCE_DIR}/src
            ${arg_DEFINITIONS} -w -x c++ ${CMAKE_SOURCE_DIR}/cmake/${header}
    OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(SHA256 checksum "${CMAKE_CXX_COMPILER_VERSION} ${text}")
  file(WRITE ${CMAKE_BINARY_DIR}/CMakeFiles/${name}.dir/cmake_pch.hxx.gch.sum ${checksum})
  set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/${header})
endfunction()
spiderling_pch_library(spiderling_pch pch.h)

# spiderling_target(NAME [PCH LIBRARY]): compiled as everything is, with a precompiled header.
function(spiderling_target target)
  cmake_parse_arguments(arg "" "PCH" "" ${ARGN})
  if(NOT arg_PCH)
    set(arg_PCH spiderling_pch)
  endif()
  target_link_libraries(${target} PUBLIC spiderling_flags)
  if(NOT SPIDERLING_FUZZ)
    target_precompile_headers(${target} REUSE_FROM ${arg_PCH})
  endif()
endfunction()

# With SPIDERLING_UNITY the files of a target are compiled some at a time; but for those that name things as another file of
# their folder does.
function(spiderling_together target)
  set(at_once 8)
  if(target STREQUAL "spiderling_app")
    set(at_once 16)  # half of them have CLI11: it is compiled once for all that are together
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${SPIDERLING_UNITY} UNITY_BUILD_BATCH_SIZE ${at_once})
endfunction()
foreach(name IN ITEMS campaign/replay capture/pcapng_parser connect/dns_exchange connect/forged_packet connect/http_answer connect/http2
                      connect/https connect/name_resolver connect/syn_options flows/observer_shards jobs/ndjson_line jobs/target_list
                      kitchen/remote_chef spiders/flow_watch_towards spiders/system_network
                      testing/handlers wire/dissect)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/src/${name}_test.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endforeach()
foreach(name IN ITEMS chains/tcpopt/tcpopt chains/tfo/tfo measurements/ecn/ecn measurements/h2/h2)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/plugins/${name}_test.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endforeach()

# The same with Boost.Asio in it, for the stages that use it: made by the first that asks for it with
# spiderling_stage(... PCH asio). CLI11 is in none: its objects at namespace scope cost each file three seconds that has it.
function(spiderling_stage_pch name)
  if(TARGET spiderling_${name}_pch)
    return()
  endif()
  get_target_property(definitions spiderling_boost_asio INTERFACE_COMPILE_DEFINITIONS)
  spiderling_pch_library(spiderling_${name}_pch ${name}_pch.h DEFINITIONS ${definitions}
                         LINK spiderling_boost_asio)
endfunction()

# Tests need not be fast, but are half of what is compiled. What they test is compiled as ever.
set(SPIDERLING_TEST_OPTIMIZATION -O0)

# Unit tests have a second one, with GoogleTest in it: made by the first of them.
function(spiderling_test_pch)
  if(TARGET spiderling_test_pch)
    return()
  endif()
  spiderling_pch_library(spiderling_test_pch test_pch.h LINK GTest::gmock GTest::gtest)
  target_compile_options(spiderling_test_pch PRIVATE ${SPIDERLING_TEST_OPTIMIZATION})
endfunction()

# spiderling_test(NAME FILES... LINK ...): one GoogleTest program, one ctest entry.
function(spiderling_test name)
  cmake_parse_arguments(arg "" "" "FILES;LINK" ${ARGN})
  if(NOT SPIDERLING_TESTS OR NOT arg_FILES)
    return()
  endif()
  spiderling_test_pch()
  add_executable(${name} ${arg_FILES})
  spiderling_target(${name} PCH spiderling_test_pch)
  target_compile_options(${name} PRIVATE ${SPIDERLING_TEST_OPTIMIZATION})
  target_link_libraries(${name} PRIVATE ${arg_LINK} GTest::gmock GTest::gtest_main)
  if(NOT name STREQUAL "python_test")
    spiderling_together(${name})
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS unit)
endfunction()

# spiderling_stage(FOLDER [EXECUTABLE NAME] LINK ... [TEST_LINK ...]): src/FOLDER as library spiderling::FOLDER
# (or as a program; LINK_WHOLE: object libraries), and its *_test.cpp files as one test. PCH: see spiderling_stage_pch.
function(spiderling_stage folder)
  cmake_parse_arguments(arg "" "EXECUTABLE;PCH" "LINK;LINK_WHOLE;TEST_LINK" ${ARGN})
  set(dir ${CMAKE_SOURCE_DIR}/src/${folder})
  set(pch)
  if(arg_PCH)
    spiderling_stage_pch(${arg_PCH})
    set(pch PCH spiderling_${arg_PCH}_pch)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${dir}/*_test.cpp)
  list(REMOVE_ITEM sources ${tests} "")
  set(library spiderling_${folder})
  if(arg_EXECUTABLE)
    # The library holds all but main(), so that tests can link it.
    list(REMOVE_ITEM sources ${dir}/main.cpp)
    add_executable(${arg_EXECUTABLE} ${dir}/main.cpp)
    set_target_properties(${arg_EXECUTABLE} PROPERTIES ENABLE_EXPORTS ON
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    spiderling_target(${arg_EXECUTABLE})
    target_link_libraries(${arg_EXECUTABLE} PRIVATE ${library} ${arg_LINK_WHOLE})
  endif()
  if(NOT sources)
    add_library(${library} INTERFACE)
    add_library(spiderling::${folder} ALIAS ${library})
    return()
  endif()
  add_library(${library} STATIC ${sources})
  add_library(spiderling::${folder} ALIAS ${library})
  spiderling_target(${library} ${pch})
  spiderling_together(${library})
  target_link_libraries(${library} PUBLIC ${arg_LINK})
  spiderling_test(${folder}_test FILES ${tests} LINK ${library} ${arg_TEST_LINK})
endfunction()

# spiderling_builtin_plugins(KIND [TEST_LINK ...]): every folder of plugins/KIND, linked into the program. They include only
# include/spiderling, as a third party's plugin does. Object libraries, so that the linker keeps them.
function(spiderling_builtin_plugins kind)
  cmake_parse_arguments(arg "" "" "TEST_LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/plugins/${kind}/*/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/plugins/${kind}/*/*_test.cpp)
  if(tests)
    list(REMOVE_ITEM sources ${tests})
  endif()
  set(library spiderling_builtin_${kind})
  spiderling_embed_readmes(${kind} readmes)
  add_library(${library} OBJECT ${sources} ${readmes})
  spiderling_target(${library})
  # A plugin names its source file: not where that lay when it was built.
  target_compile_options(${library} PRIVATE -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)
  target_link_libraries(${library} PUBLIC expected::expected)
  add_library(spiderling_builtin_${kind}_linked INTERFACE)
  target_sources(spiderling_builtin_${kind}_linked INTERFACE $<TARGET_OBJECTS:${library}>)
  add_library(spiderling::builtin_${kind} ALIAS spiderling_builtin_${kind}_linked)
  spiderling_test(${kind}_test FILES ${tests}
                  LINK spiderling::builtin_${kind} spiderling::dumplings spiderling::plugins ${arg_TEST_LINK})
endfunction()
