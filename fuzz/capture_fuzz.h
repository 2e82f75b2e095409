// What the fuzz targets of the trace formats share: a trace in memory, read through a stream as files are.
#pragma once

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "capture/trace_stream.h"

namespace spiderling::fuzz {

/// Chunks of `size` bytes, each with memory of its own so that a read past it is found.
class SplitFeed final : public ChunkFeed {
 public:
  SplitFeed(std::span<const std::uint8_t> bytes, std::size_t size) : bytes_(bytes), size_(size) {}

  Piece take(std::chrono::milliseconds) override {
    if (bytes_.empty()) return {nullptr, false, true, {}};
    const auto chunk = std::make_shared<Chunk>();
    chunk->size = std::min(size_, bytes_.size());
    chunk->bytes = std::make_unique<std::uint8_t[]>(chunk->size);
    std::memcpy(chunk->bytes.get(), bytes_.data(), chunk->size);
    bytes_ = bytes_.subspan(chunk->size);
    return {chunk, false, false, {}};
  }
  void close() override {}

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t size_;
};

/// All that a reader of the trace could tell.
struct Told {
  std::vector<std::uint64_t> frames;  // a hash of each
  std::vector<std::string> warnings;
  std::uint64_t malformed = 0;
  std::uint64_t unknown_link = 0;
  bool operator==(const Told&) const = default;
};

inline std::uint64_t hash(const Frame& frame) {
  std::uint64_t value = 1469598103934665603u;
  const auto add = [&](std::uint64_t more) { value = (value ^ more) * 1099511628211u; };
  for (const std::uint8_t byte : std::span(frame.data, frame.captured)) add(byte);
  add(frame.captured);
  add(frame.wire_length);
  add(static_cast<std::uint64_t>(frame.time_ns));
  add(static_cast<std::uint64_t>(frame.link_type));
  if (frame.wire_length < frame.captured) std::abort();
  return value;
}

/// `skip`: bytes at the start that the parser does not read.
inline Told read_trace(std::span<const std::uint8_t> bytes, const TraceParser& parser, std::size_t skip,
                       std::size_t chunk_size) {
  Told told;
  WarningList warnings;
  const std::atomic<bool> stopped = false;
  SplitFeed feed(bytes, chunk_size);
  TraceStream stream("trace", parser, skip, {}, feed, warnings, stopped);
  std::vector<Frame> room(17);
  while (true) {
    const auto batch = stream.next(room, std::chrono::milliseconds(0));
    if (batch.state == StreamState::ended) break;
    for (const Frame& frame : std::span(room).first(batch.count)) told.frames.push_back(hash(frame));
  }
  told.warnings = warnings.lines();
  told.malformed = stream.counters().malformed;
  told.unknown_link = stream.counters().unknown_link;
  return told;
}

/// The trace says the same in whatever chunks it comes.
inline void check_trace(std::span<const std::uint8_t> bytes, const TraceParser& parser, std::size_t skip) {
  const Told whole = read_trace(bytes, parser, skip, bytes.size());
  const std::size_t odd = 1 + bytes.size() % 61;
  if (whole != read_trace(bytes, parser, skip, odd) || whole != read_trace(bytes, parser, skip, 64))
    std::abort();
}

}  // namespace spiderling::fuzz
