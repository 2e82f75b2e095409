// libspiderling-testing.so is made of libraries alone; CMake wants a source.
