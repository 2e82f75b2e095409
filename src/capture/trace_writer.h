// Writes frames to a trace file.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "capture/file_descriptor.h"
#include "capture/frame.h"
#include "capture/link_types.h"
#include "capture/packer.h"

namespace spiderling {

/// Turns frames into records of a trace with nanosecond times. No I/O. Thread-safe: several shards may
/// append, each to its own bytes. Times outside what the format can say (pcap: 1970 to 2106, pcapng: from
/// 1970) become the nearest.
class TraceFormat {
 public:
  enum class Kind : std::uint8_t { pcap, pcapng };

  explicit TraceFormat(Kind kind) : kind_(kind) {}

  /// Appends the record of `frame`. False, counted in refused(), if the file cannot hold it: a pcap file has
  /// one link type, that of the first frame.
  bool append(const Frame& frame, std::vector<std::uint8_t>& bytes);
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

  /// What the file must have before the records that were appended so far: the file header, and for pcapng an
  /// interface for each link type. What an earlier call gave is left out. `final`: the header even if there
  /// was no frame.
  std::vector<std::uint8_t> take_preamble(bool final = false);

 private:
  static std::size_t slot(LinkType link_type);
  void append_pcap(const Frame& frame, std::vector<std::uint8_t>& bytes) const;
  void append_pcapng(const Frame& frame, std::uint32_t interface, std::vector<std::uint8_t>& bytes) const;
  std::uint32_t interface_number(LinkType link_type);

  const Kind kind_;
  std::atomic<std::uint64_t> refused_ = 0;
  std::atomic<std::int32_t> pcap_link_type_ = -1;  // unknown until the first frame
  // pcapng: for each known link type the number of its interface and 1; 0 if it has none yet.
  std::array<std::atomic<std::uint32_t>, known_link_types.size()> numbers_ = {};
  std::mutex mutex_;                  // of what follows
  std::vector<LinkType> interfaces_;  // by number
  std::size_t interfaces_taken_ = 0;
  bool header_taken_ = false;
};

/// A trace file that is being written: pcapng if its name ends in ".pcapng", else pcap; packed if ".zst"
/// follows. An existing file is replaced.
///
///     auto writer = TraceWriter::open("kept.pcap");
///     (*writer)->format().append(frame, bytes);  // any thread, own `bytes`
///     (*writer)->write(bytes);                   // any thread, whole records
///     (*writer)->close();
class TraceWriter {
 public:
  /// `path` "-" is standard output.
  static Result<std::unique_ptr<TraceWriter>> open(const std::string& path);
  /// Into a file that somebody else has opened, empty; `path` tells its kind, and stands in messages.
  static std::unique_ptr<TraceWriter> into(FileDescriptor file, const std::string& path);
  /// Closes, if close() was not called; an error then goes unheard.
  ~TraceWriter();

  TraceFormat& format() { return format_; }
  /// Appends whole records made by format(). An error (the disk is full, say) is final: the file then ends
  /// behind the last write that succeeded, and later calls give the error again.
  Result<void> write(std::span<const std::uint8_t> records);
  /// Makes an empty trace if nothing was written. Once.
  Result<void> close();
  /// Bytes in the file, as they are stored.
  std::uint64_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  TraceWriter(std::string path, FileDescriptor file, TraceFormat::Kind kind, bool packed)
      : path_(std::move(path)),
        file_(std::move(file)),
        format_(kind),
        packer_(packed ? std::make_unique<ZstdPacker>() : nullptr) {}
  Result<void> store(std::span<const std::uint8_t> bytes);
  Result<void> write_all(std::span<const std::uint8_t> bytes);
  void cut_back();

  const std::string path_;
  std::mutex mutex_;
  FileDescriptor file_;
  TraceFormat format_;
  const std::unique_ptr<ZstdPacker> packer_;  // nullptr: as it is
  std::string failure_;
  std::atomic<std::uint64_t> size_ = 0;
  bool closed_ = false;
};

}  // namespace spiderling
