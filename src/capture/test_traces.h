// For tests: traces written by hand, and their frames as values that can be compared.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "capture/source.h"
#include "capture/trace_stream.h"

namespace spiderling {

using ByteVector = std::vector<std::uint8_t>;

/// Bytes of a trace in either byte order.
class TraceBytes {
 public:
  explicit TraceBytes(bool swapped = false) : swapped_(swapped) {}

  template <class T>
  TraceBytes& put(T value) {
    std::uint8_t raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    if (swapped_) std::reverse(std::begin(raw), std::end(raw));
    bytes_.insert(bytes_.end(), std::begin(raw), std::end(raw));
    return *this;
  }
  TraceBytes& u8(unsigned value) { return put(static_cast<std::uint8_t>(value)); }
  TraceBytes& u16(unsigned value) { return put(static_cast<std::uint16_t>(value)); }
  TraceBytes& u32(std::uint64_t value) { return put(static_cast<std::uint32_t>(value)); }
  TraceBytes& u64(std::uint64_t value) { return put(value); }
  TraceBytes& raw(const ByteVector& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  // --- pcap
  TraceBytes& pcap_header(std::uint32_t magic = 0xa1b2c3d4, std::uint32_t link_type = 1, unsigned minor = 4) {
    return u32(magic).u16(2).u16(minor).u32(0).u32(0).u32(65535).u32(link_type);
  }
  TraceBytes& pcap_record(std::uint64_t seconds, std::uint64_t fraction, const ByteVector& data,
                          std::size_t wire = 0) {
    return u32(seconds).u32(fraction).u32(data.size()).u32(wire == 0 ? data.size() : wire).raw(data);
  }

  // --- pcapng
  TraceBytes& block(std::uint32_t type, const TraceBytes& body) {
    ByteVector padded = body.bytes();
    padded.resize((padded.size() + 3) / 4 * 4);
    return u32(type).u32(padded.size() + 12).raw(padded).u32(padded.size() + 12);
  }
  TraceBytes body() const { return TraceBytes(swapped_); }
  TraceBytes& section() {
    return block(0x0a0d0d0a, body().u32(0x1a2b3c4d).u16(1).u16(0).u64(~std::uint64_t{0}));
  }
  TraceBytes& interface(unsigned link_type = 1, std::uint32_t snap_length = 0,
                        const ByteVector& options = {}) {
    return block(1, body().u16(link_type).u16(0).u32(snap_length).raw(options));
  }
  TraceBytes& enhanced(std::uint32_t interface, std::uint64_t ticks, const ByteVector& data,
                       std::size_t wire = 0) {
    return block(6, body()
                        .u32(interface)
                        .u32(ticks >> 32)
                        .u32(ticks)
                        .u32(data.size())
                        .u32(wire == 0 ? data.size() : wire)
                        .raw(data));
  }

  const ByteVector& bytes() const { return bytes_; }

 private:
  bool swapped_;
  ByteVector bytes_;
};

/// A frame with its own bytes.
struct SeenFrame {
  ByteVector data;
  std::int64_t time_ns = 0;
  std::uint32_t wire_length = 0;
  LinkType link_type = LinkType::ethernet;

  explicit SeenFrame(const Frame& frame)
      : data(frame.data, frame.data + frame.captured),
        time_ns(frame.time_ns),
        wire_length(frame.wire_length),
        link_type(frame.link_type) {}
  bool operator==(const SeenFrame&) const = default;
};

inline std::ostream& operator<<(std::ostream& stream, const SeenFrame& frame) {
  return stream << frame.data.size() << " of " << frame.wire_length << " bytes at " << frame.time_ns
                << " link " << static_cast<int>(frame.link_type);
}

/// `size` bytes that tell one packet from another.
inline ByteVector numbered_data(std::size_t size, std::uint32_t number) {
  ByteVector data(size);
  for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<std::uint8_t>(number * 31 + i * 7 + (i >> 8));
  return data;
}

/// All of a stream, in batches of `room` frames; `batches`, if given, gets their sizes.
inline std::vector<SeenFrame> read_all(FrameStream& stream, std::size_t room = 64,
                                       std::vector<std::size_t>* batches = nullptr) {
  std::vector<SeenFrame> seen;
  std::vector<Frame> frames(room);
  while (true) {
    const auto batch = stream.next(frames, std::chrono::milliseconds(100));
    if (batch.state == StreamState::ended) return seen;
    if (batches != nullptr && batch.count > 0) batches->push_back(batch.count);
    for (const Frame& frame : std::span(frames).first(batch.count)) seen.emplace_back(frame);
  }
}

/// A folder that is removed in the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "spiderling-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string file(const std::string& name, const ByteVector& bytes) const {
    const std::string path = this->path(name);
    std::ofstream stream(path, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Gives `bytes` in chunks of the sizes given, the last one over and over.
class SplitFeed final : public ChunkFeed {
 public:
  SplitFeed(ByteVector bytes, std::vector<std::size_t> sizes)
      : bytes_(std::move(bytes)), sizes_(std::move(sizes)) {}

  Piece take(std::chrono::milliseconds) override {
    if (at_ == bytes_.size() || closed_) return {nullptr, false, true, {}};
    const std::size_t wanted = sizes_[std::min(taken_++, sizes_.size() - 1)];
    const auto chunk = std::make_shared<Chunk>();
    chunk->size = std::min(wanted, bytes_.size() - at_);
    chunk->bytes = std::make_unique<std::uint8_t[]>(chunk->size);  // exact, so that a read past it is found
    std::memcpy(chunk->bytes.get(), bytes_.data() + at_, chunk->size);
    at_ += chunk->size;
    return {chunk, false, false, {}};
  }
  void close() override { closed_ = true; }

 private:
  ByteVector bytes_;
  std::vector<std::size_t> sizes_;
  std::size_t at_ = 0;
  std::size_t taken_ = 0;
  bool closed_ = false;
};

/// A trace in memory, parsed.
struct ParsedTrace {
  std::vector<SeenFrame> frames;
  SourceCounters counters;
  std::vector<std::string> warnings;
};
inline ParsedTrace parse_trace(const ByteVector& bytes, std::vector<std::size_t> chunk_sizes = {1u << 20},
                               const SourceOptions& options = {}) {
  ParsedTrace parsed;
  WarningList warnings;
  FilterBank filters(options.filter, [&](std::string line) { warnings.add(std::move(line)); });
  const std::atomic<bool> stopped = false;
  SplitFeed feed(bytes, std::move(chunk_sizes));
  const bool is_pcap = PcapHeader::recognize(bytes);
  TraceParser parser = PcapngParser(filters);
  if (is_pcap) {
    const PcapHeader header = PcapHeader::read(bytes).value();
    const auto link_type = static_cast<LinkType>(header.link_type);
    parser = PcapParser(header, link_type, filters.program(link_type, header.swapped));
  }
  TraceStream stream("trace", parser, is_pcap ? PcapHeader::size : 0, options, feed, warnings, stopped);
  parsed.frames = read_all(stream);
  parsed.counters = stream.counters();
  parsed.warnings = warnings.lines();
  return parsed;
}

}  // namespace spiderling
