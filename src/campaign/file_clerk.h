// Makes files for a program that has given up the right to make them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace spiderling {

/// A process of its own, forked while the right is still there, that does two things and no others: it opens
/// the files of one recording (recording_name()), and replaces one file of metadata. It ends with this
/// object, and with the program however that ends.
///
///     the program, nobody by now         the clerk, still who it was
///     create(3)            ──►           opens run-00003.pcap
///                          ◄──           the open file
///
/// Thread-safety: start() before any thread; the others from any, one at a time.
class FileClerk {
 public:
  struct Files {
    std::string recording;  ///< empty: none may be made
    std::string metadata;   ///< empty: none may be made
  };
  static Result<std::unique_ptr<FileClerk>> start(Files files);
  ~FileClerk();
  FileClerk(const FileClerk&) = delete;
  FileClerk& operator=(const FileClerk&) = delete;

  /// File `number` of the recording, empty.
  Result<FileDescriptor> create(std::size_t number);
  /// As replace_file(), of the metadata.
  Result<void> replace_metadata(std::string_view text);

 private:
  struct State;
  explicit FileClerk(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace spiderling
