// The one source of the library that builds the precompiled header.
