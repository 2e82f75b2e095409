// Bytes to and from files whose descriptor is there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace spiderling {

/// All of a regular file; the message is the system's words.
Result<std::vector<std::uint8_t>> read_bytes(int file);
/// So many bytes from `offset` on, fewer where the file ends.
Result<std::vector<std::uint8_t>> read_bytes(int file, std::uint64_t offset, std::size_t size);
/// 0, or the errno of what could not be written whole.
int write_bytes(int file, std::uint64_t offset, std::string_view bytes);
/// Makes the name of a file safe from a power cut.
Result<void> sync_folder(const std::string& path_of_file);

}  // namespace spiderling
