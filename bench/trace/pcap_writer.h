// A classic pcap file, microseconds, written in large blocks.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace spiderling::bench {

/// Ethernet frames into a file. Throws std::system_error when the file cannot be written. Single thread.
class PcapWriter {
 public:
  PcapWriter(const std::string& path, std::uint32_t snap_length);
  ~PcapWriter();
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;

  /// Microseconds since the epoch.
  void write(std::uint64_t time_us, std::span<const std::uint8_t> frame);
  /// Must be called at the end: a destructor cannot report that the disk is full.
  void close();

  std::uint64_t packets() const { return packets_; }
  std::uint64_t wire_bytes() const { return wire_bytes_; }

 private:
  void flush();
  void put16(std::uint16_t value);
  void put32(std::uint32_t value);

  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  std::vector<std::uint8_t> block_;
  std::uint32_t snap_length_;
  std::uint64_t packets_ = 0;
  std::uint64_t wire_bytes_ = 0;
};

}  // namespace spiderling::bench
