#include "trace/pcap_writer.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace spiderling::bench {
namespace {

constexpr std::size_t block_size = 1 << 20;
constexpr std::uint32_t microsecond_magic = 0xa1b2c3d4;
constexpr std::uint32_t linktype_ethernet = 1;

}  // namespace

PcapWriter::PcapWriter(const std::string& path, std::uint32_t snap_length)
    : path_(path), file_(std::fopen(path.c_str(), "wb"), &std::fclose), snap_length_(snap_length) {
  if (!file_) throw std::system_error(errno, std::generic_category(), path_);
  block_.reserve(block_size);
  put32(microsecond_magic);
  put16(2);  // version 2.4
  put16(4);
  put32(0);  // time zone
  put32(0);  // accuracy
  put32(snap_length_);
  put32(linktype_ethernet);
}

PcapWriter::~PcapWriter() = default;

void PcapWriter::write(std::uint64_t time_us, std::span<const std::uint8_t> frame) {
  constexpr std::size_t record_header = 16;
  constexpr std::uint64_t second = 1'000'000;
  const std::size_t captured = std::min<std::size_t>(frame.size(), snap_length_);
  if (block_.size() + record_header + captured > block_size) flush();
  put32(static_cast<std::uint32_t>(time_us / second));
  put32(static_cast<std::uint32_t>(time_us % second));
  put32(static_cast<std::uint32_t>(captured));
  put32(static_cast<std::uint32_t>(frame.size()));
  block_.insert(block_.end(), frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(captured));
  ++packets_;
  wire_bytes_ += frame.size();
}

void PcapWriter::close() {
  flush();
  if (std::fclose(file_.release()) != 0) throw std::system_error(errno, std::generic_category(), path_);
}

void PcapWriter::flush() {
  if (std::fwrite(block_.data(), 1, block_.size(), file_.get()) != block_.size()) {
    throw std::system_error(errno, std::generic_category(), path_);
  }
  block_.clear();
}

void PcapWriter::put16(std::uint16_t value) {
  block_.push_back(static_cast<std::uint8_t>(value));
  block_.push_back(static_cast<std::uint8_t>(value >> 8));
}

void PcapWriter::put32(std::uint32_t value) {
  put16(static_cast<std::uint16_t>(value));
  put16(static_cast<std::uint16_t>(value >> 16));
}

}  // namespace spiderling::bench
