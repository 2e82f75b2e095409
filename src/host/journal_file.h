// The files of journals: names, checks, locks. For journal.cpp and left_behind.cpp.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "host/journal.h"

namespace spiderling {

/// Bytes; a few hundred are usual, some ten thousand where all settings are kept.
constexpr std::size_t longest_journal = 512 << 10;

std::string journal_name(const ProcessId& process);
/// Nothing for a file that is no journal.
std::optional<ProcessId> process_of_journal(const std::string& name);

/// The directory, made if it is not there; open. Errors: someone else could write in it.
Result<FileDescriptor> open_journal_directory(const std::filesystem::path& directory, bool make);

/// Waits for the directory's lock, but not for ever: a process that hangs must not keep others from undoing.
void lock_journals(const FileDescriptor& directory);

std::string journal_header(const NetworkPlace& place);

}  // namespace spiderling
