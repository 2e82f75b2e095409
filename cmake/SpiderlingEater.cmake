# libspiderling-eater.so: <spiderling/eater.h>, for programs that get dumplings from a hub. It shows that class alone.
add_library(spiderling_eater SHARED ${CMAKE_SOURCE_DIR}/src/eaters/eater.cpp)
target_link_libraries(spiderling_eater PRIVATE spiderling_flags spiderling::websocket spiderling::dumplings PUBLIC spiderling_plugin)
set(map ${CMAKE_SOURCE_DIR}/cmake/package/eater.map)
target_link_options(spiderling_eater PRIVATE -Wl,--version-script=${map} -Wl,-Bsymbolic -Wl,--no-undefined)
set_target_properties(spiderling_eater PROPERTIES OUTPUT_NAME spiderling-eater EXPORT_NAME eater LINK_DEPENDS ${map}
                      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
