#include "campaign/packet_recorder.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "campaign/whole_file.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t block_bytes = 256 << 10;
constexpr std::size_t most_blocks = 64;
constexpr auto longest_in_hand = 100ms;  // a packet is on its way to the disk after so long
constexpr std::array<std::string_view, 3> endings = {".zst", ".pcapng", ".pcap"};

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// Signals are for the threads of the program.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

std::string recording_name(const std::string& path, std::size_t number) {
  if (number == 0) return path;
  std::string_view stem(path);
  for (const std::string_view ending : endings) {
    if (stem.ends_with(ending)) stem.remove_suffix(ending.size());
  }
  return fmt::format("{}-{:05}{}", stem, number, std::string_view(path).substr(stem.size()));
}

Result<std::unique_ptr<PacketRecorder>> PacketRecorder::open(PacketRecorderOptions options) {
  std::size_t number = 0;
  if (options.go_on) {
    while (exists(recording_name(options.path, number))) ++number;
  } else if (const std::string next = recording_name(options.path, 1); exists(next)) {
    return error(
        "{} is there from an earlier run and would be taken for this one's; remove it, or name another file",
        next);
  }
  std::unique_ptr<PacketRecorder> recorder(new PacketRecorder(std::move(options), number));
  if (const auto opened = recorder->open_file(); !opened) return tl::unexpected(opened.error());
  return recorder;
}

PacketRecorder::PacketRecorder(PacketRecorderOptions options, std::size_t number)
    : options_(std::move(options)), number_(number), full_(most_blocks), spare_(most_blocks) {}

PacketRecorder::~PacketRecorder() { finish(); }

Result<void> PacketRecorder::open_file() {
  const std::string name = recording_name(options_.path, number_);
  auto file = options_.opener ? options_.opener(number_) : create_file(name);
  if (!file) return tl::unexpected(file.error());
  writer_ = TraceWriter::into(std::move(*file), name);
  files_.push_back(name);
  ++number_;
  return {};
}

void PacketRecorder::keep(const Packet& packet) {
  if (failed_.load(std::memory_order_relaxed)) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const Bytes bytes = packet.data();
  const auto captured = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), options_.snap_length));
  if (filling_.packets.empty()) filling_since_ = Clock::now();
  filling_.packets.push_back(
      {packet.time().time_since_epoch().count(), captured, packet.wire_length(), packet.link_type()});
  filling_.bytes.insert(filling_.bytes.end(), bytes.data(), bytes.data() + captured);
  if (filling_.bytes.size() >= block_bytes) hand_over();
}

void PacketRecorder::pause() {
  if (!filling_.packets.empty() && Clock::now() - filling_since_ >= longest_in_hand) hand_over();
}

void PacketRecorder::hand_over() {
  // Not before a packet comes: whoever gives up privileges after open() has no thread that keeps them.
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  const std::size_t packets = filling_.packets.size();
  if (!full_.try_push(std::move(filling_))) lost_.fetch_add(packets, std::memory_order_relaxed);
  filling_ = {};
  if (auto spare = spare_.try_pop()) filling_ = std::move(*spare);
  filling_.packets.clear();
  filling_.bytes.clear();
}

void PacketRecorder::work() {
  block_signals();
  while (auto block = full_.pop()) {
    write(*block);
    spare_.try_push(std::move(*block));
  }
}

void PacketRecorder::write(const Block& block) {
  if (!failed_.load(std::memory_order_relaxed)) {
    const auto written = write_packets(block);
    if (written) return;
    fail(written.error().message);
  }
  lost_.fetch_add(block.packets.size(), std::memory_order_relaxed);
}

// A block is whole in one file.
Result<void> PacketRecorder::write_packets(const Block& block) {
  if (writer_->size() >= options_.file_bytes) {
    bytes_.fetch_add(writer_->size(), std::memory_order_relaxed);
    if (const auto closed = writer_->close(); !closed) return closed;
    if (const auto opened = open_file(); !opened) return opened;
  }
  records_.clear();
  const std::uint8_t* data = block.bytes.data();
  std::uint64_t appended = 0;
  for (const Kept& one : block.packets) {
    const Frame frame{data, one.time_ns, one.captured, one.wire_length, one.link_type};
    if (writer_->format().append(frame, records_)) ++appended;
    data += one.captured;
  }
  if (const auto written = writer_->write(records_); !written) return written;
  kept_.fetch_add(appended, std::memory_order_relaxed);
  lost_.fetch_add(block.packets.size() - appended, std::memory_order_relaxed);
  return {};
}

void PacketRecorder::fail(std::string why) {
  {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(why);
  }
  failed_.store(true, std::memory_order_relaxed);
}

void PacketRecorder::finish() {
  if (!writer_) return;
  if (!filling_.packets.empty()) hand_over();
  full_.close();
  if (thread_.joinable()) thread_.join();
  const auto closed = writer_->close();
  if (!closed && !failed_.load()) fail(closed.error().message);
  bytes_.fetch_add(writer_->size(), std::memory_order_relaxed);
  writer_.reset();
}

PacketRecorderCounters PacketRecorder::counters() const {
  return {kept_.load(std::memory_order_relaxed), lost_.load(std::memory_order_relaxed),
          bytes_.load(std::memory_order_relaxed)};
}

std::string PacketRecorder::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

}  // namespace spiderling
