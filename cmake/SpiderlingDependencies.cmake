# Everything the build looks for. The Debian packages that provide it are listed in ./packages.txt.
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(BZip2 REQUIRED)
pkg_check_modules(pcap REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(mnl REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(maxminddb REQUIRED IMPORTED_TARGET libmaxminddb)
pkg_check_modules(cares REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(nghttp2 REQUIRED IMPORTED_TARGET libnghttp2)

# tl::expected has no pkg-config file.
find_path(EXPECTED_INCLUDE_DIR tl/expected.hpp REQUIRED)
add_library(expected::expected INTERFACE IMPORTED)
target_include_directories(expected::expected SYSTEM INTERFACE ${EXPECTED_INCLUDE_DIR})

# Asio, its TLS and Beast are compiled once, in src/base/boost_asio.cpp; whoever includes them needs these.
find_package(OpenSSL REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
add_library(spiderling_boost_asio INTERFACE)
target_compile_definitions(spiderling_boost_asio INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(spiderling_boost_asio INTERFACE Boost::headers OpenSSL::SSL OpenSSL::Crypto)
if(SPIDERLING_SANITIZE MATCHES "thread")
  # ThreadSanitizer does not know fences; Asio's are beside its locks, which it does know.
  target_compile_definitions(spiderling_boost_asio INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(spiderling_boost_asio INTERFACE -Wno-tsan)
  endif()
endif()

enable_testing()
if(SPIDERLING_TESTS)
  find_package(GTest REQUIRED)
endif()

# What every file may use. For all targets alike, since they share one precompiled header.
target_link_libraries(spiderling_flags INTERFACE fmt::fmt spdlog::spdlog expected::expected)
