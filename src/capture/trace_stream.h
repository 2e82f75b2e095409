// One shard's walk through a trace.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "capture/chunk.h"
#include "capture/pcap_parser.h"
#include "capture/pcapng_parser.h"
#include "capture/source.h"

namespace spiderling {

/// Lines for the user, each once however many streams find it. Thread-safe.
class WarningList {
 public:
  void add(std::string line);
  std::vector<std::string> lines() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Where a stream gets its chunks. Used by the stream's thread.
class ChunkFeed {
 public:
  virtual ~ChunkFeed() = default;
  /// Waits as long as `wait` for a pipe, as long as it takes for a file.
  virtual Piece take(std::chrono::milliseconds wait) = 0;
  /// No more is wanted.
  virtual void close() = 0;
};

using TraceParser = std::variant<PcapParser, PcapngParser>;

/// Parses chunks into batches. A record that lies in two chunks is put together in a buffer aside; every
/// other frame stays where it was read. Batches depend on the chunks and on the room given, never on timing
/// (but for pipes).
class TraceStream final : public FrameStream {
 public:
  /// `skip`: bytes at the start that are no records. `name` is for warnings.
  TraceStream(std::string name, TraceParser parser, std::uint64_t skip, const SourceOptions& options,
              ChunkFeed& feed, WarningList& warnings, const std::atomic<bool>& stopped)
      : name_(std::move(name)),
        parser_(std::move(parser)),
        sink_(options.snap_length, options.max_frames),
        feed_(&feed),
        warnings_(&warnings),
        stopped_(&stopped),
        skip_(skip) {}

  Batch next(std::span<Frame> room, std::chrono::milliseconds wait) override;
  /// As of the last batch. Any thread.
  SourceCounters counters() const;

 private:
  using Clock = std::chrono::steady_clock;

  void fill(Clock::time_point deadline);
  bool advance(Clock::time_point deadline);
  void pass_over();
  void parse_chunk();
  void parse_carry();
  ParseStep parse(const std::uint8_t* bytes, std::size_t size);
  void fail(const char* damage);
  void end_of_bytes(const std::string& damage);
  void finish();
  void release();
  void publish();
  std::uint64_t records() const;

  const std::string name_;
  TraceParser parser_;
  FrameSink sink_;
  ChunkFeed* feed_;
  WarningList* warnings_;
  const std::atomic<bool>* stopped_;

  ChunkPtr chunk_;
  std::size_t at_ = 0;               // in chunk_
  std::uint64_t skip_;               // bytes to pass over before the next record
  std::vector<std::uint8_t> carry_;  // the start of a record whose rest is in the next chunk
  std::size_t wanted_ = 0;           // bytes that carry_ must have
  bool writer_paused_ = false;
  bool over_ = false;

  // What frames of the last batch may point into.
  std::vector<ChunkPtr> held_;
  std::vector<std::vector<std::uint8_t>> carried_;
  std::vector<std::vector<std::uint8_t>> spare_;  // buffers for carry_

  struct Published {
    std::atomic<std::uint64_t> frames, filtered, malformed, unknown_link;
  };
  Published published_ = {};
};

}  // namespace spiderling
