// A file that is there whole, or as it was before.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace spiderling {

/// Makes `path` hold `text` and nothing else, at once for whoever reads it, and for good: a crash leaves the
/// old file or the new one. Another file, PATH.tmp, is there for a moment.
Result<void> replace_file(const std::string& path, std::string_view text);

/// Opened for writing, empty; made if it is not there.
Result<FileDescriptor> create_file(const std::string& path);

/// A file of at most so many bytes, as one text.
Result<std::string> read_whole_file(const std::string& path, std::size_t most_bytes);

}  // namespace spiderling
