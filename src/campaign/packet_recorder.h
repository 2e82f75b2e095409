// The packets that a run's flows were made of, kept in files.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "capture/trace_writer.h"
#include "spiders/flow_watch.h"

namespace spiderling {

struct PacketRecorderOptions {
  std::string path;                        ///< of the first file: pcap, pcapng, each also .zst
  std::uint64_t file_bytes = 1000u << 20;  ///< as stored; the next packet after so many opens a new file
  std::uint32_t snap_length = UINT32_MAX;  ///< bytes kept of a packet, of those that were captured
  bool go_on = false;                      ///< behind the files of an earlier run, which stay as they are
  /// Opens file `number`, empty: by somebody who may. If not set: the program itself.
  std::function<Result<FileDescriptor>(std::size_t number)> opener{};
};

struct PacketRecorderCounters {
  std::uint64_t kept = 0;   ///< packets that are in the files
  std::uint64_t lost = 0;   ///< packets that are not: the disk was behind, full, or broken
  std::uint64_t bytes = 0;  ///< of the files, as stored
};

/// The name of file `number` of a recording: run.pcap.zst, run-00001.pcap.zst, run-00002.pcap.zst, ...
std::string recording_name(const std::string& path, std::size_t number);

/// Keeps packets with a thread of its own. The observer never waits for the disk: what does not fit into the
/// queue (some 16 MiB) is counted as lost. When a file cannot be written on, the recording ends there.
///
///     observer's thread                         writer's thread
///     keep(packet) -> block of 256 KiB  ──►  queue  ──►  run.pcap, run-00001.pcap, ...
///
/// Thread-safety: keep() and pause() from the observer's thread; counters() and failure() from any; finish()
/// and files() from one, when no packet can come any more.
class PacketRecorder final : public FlowPackets {
 public:
  /// Opens the first file. Error: it cannot be written, or files of an earlier run would be in the way.
  static Result<std::unique_ptr<PacketRecorder>> open(PacketRecorderOptions options);
  ~PacketRecorder() override;

  void keep(const Packet& packet) override;
  void pause() override;

  PacketRecorderCounters counters() const;
  /// Why packets are not kept any more; empty: nothing is wrong.
  std::string failure() const;
  /// Everything is in the files when this returns.
  void finish();
  /// Those that this run wrote.
  const std::vector<std::string>& files() const { return files_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Kept {
    std::int64_t time_ns;
    std::uint32_t captured;
    std::uint32_t wire_length;
    LinkType link_type;
  };
  struct Block {
    std::vector<Kept> packets;
    std::vector<std::uint8_t> bytes;  // of all packets, one after another
  };

  PacketRecorder(PacketRecorderOptions options, std::size_t number);
  Result<void> open_file();
  void hand_over();
  void work();
  void write(const Block& block);
  Result<void> write_packets(const Block& block);
  void fail(std::string why);

  const PacketRecorderOptions options_;
  std::size_t number_;
  std::vector<std::string> files_;

  // Of the observer's thread.
  Block filling_;
  Clock::time_point filling_since_;

  BoundedQueue<Block> full_;
  BoundedQueue<Block> spare_;
  std::atomic<std::uint64_t> kept_ = 0;
  std::atomic<std::uint64_t> lost_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;  // of files that are closed
  std::atomic<bool> failed_ = false;
  mutable std::mutex mutex_;  // of what follows
  std::string failure_;

  // Of the writer's thread.
  std::unique_ptr<TraceWriter> writer_;
  std::vector<std::uint8_t> records_;
  std::thread thread_;  // the last: it uses the others
};

}  // namespace spiderling
