#include "capture/trace_source.h"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/bounded_queue.h"
#include "capture/byte_reader.h"
#include "capture/link_types.h"
#include "capture/trace_stream.h"

namespace spiderling {
namespace {

/// Chunks that wait for one stream. When it is full, the reader waits.
constexpr std::size_t queue_length = 8;

/// Signals are for the threads of the program.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

class TraceSource final : public Source {
 public:
  TraceSource(std::string path, const SourceOptions& options, std::unique_ptr<ByteReader> reader, Piece first)
      : path_(std::move(path)),
        name_(path_ == "-" ? "standard input" : path_),
        options_(options),
        reader_(std::move(reader)),
        first_(std::move(first)),
        filters_(options.filter, [this](std::string line) { warnings_.add(name_ + ": " + line); }) {}

  ~TraceSource() override {
    TraceSource::stop();
    if (thread_.joinable()) thread_.join();
  }

  /// Finds the format and makes the streams; nothing else may be called before.
  Result<void> prepare();

  FrameStream& stream(std::size_t shard) override { return *streams_.at(shard); }
  bool every_stream_sees_all() const override { return true; }
  bool live() const override { return false; }
  SourceCounters counters() const override;
  SourceProgress progress() const override;
  std::vector<std::string> warnings() const override { return warnings_.lines(); }
  void stop() override;

 private:
  using Queue = BoundedQueue<Piece>;

  /// For a plain file: the stream's thread reads.
  struct DirectFeed final : ChunkFeed {
    explicit DirectFeed(std::unique_ptr<ByteReader> its_own) : reader(std::move(its_own)) {}
    Piece take(std::chrono::milliseconds) override { return reader->next(); }
    void close() override {}
    std::unique_ptr<ByteReader> reader;
  };
  struct QueueFeed final : ChunkFeed {
    explicit QueueFeed(TraceSource& from) : source(&from), queue(queue_length) {}
    Piece take(std::chrono::milliseconds wait) override {
      source->start_reading();
      auto piece = source->reader_->is_regular() ? queue.pop() : queue.pop_for(wait);
      if (piece) return std::move(*piece);
      return {nullptr, false, queue.finished(), {}};
    }
    void close() override { queue.close(); }
    TraceSource* source;
    Queue queue;
  };

  Result<PcapParser> pcap_parser();
  Result<PcapngParser> pcapng_parser();
  Result<void> check_filter(LinkType link_type, bool big_endian) const;
  Result<void> make_feeds();
  Result<void> make_streams(const TraceParser& parser, std::uint64_t skip);
  void start_reading();
  void read_all();
  std::span<const std::uint8_t> head() const { return {first_.chunk->bytes.get(), first_.chunk->size}; }

  const std::string path_;
  const std::string name_;  // for messages
  const SourceOptions options_;
  std::unique_ptr<ByteReader> reader_;
  Piece first_;  // what the format was told by, until a stream or the thread takes it
  WarningList warnings_;
  FilterBank filters_;
  std::atomic<bool> stopped_ = false;
  std::vector<std::unique_ptr<ChunkFeed>> feeds_;
  std::vector<ByteReader*> readers_;  // of the direct feeds
  std::vector<std::unique_ptr<TraceStream>> streams_;
  // Not before a stream asks: a caller that gives up privileges after open() has no thread that keeps them.
  std::once_flag started_;
  std::thread thread_;
};

Result<void> TraceSource::prepare() {
  if (PcapHeader::recognize(head())) {
    auto parser = pcap_parser();
    if (!parser) return tl::unexpected(parser.error());
    return make_streams(*parser, PcapHeader::size);
  }
  if (PcapngParser::recognize(head())) {
    auto parser = pcapng_parser();
    if (!parser) return tl::unexpected(parser.error());
    return make_streams(*parser, 0);
  }
  return error("{} is not a capture file; give a pcap or pcapng file, plain or packed with gzip or zstd",
               name_);
}

Result<PcapParser> TraceSource::pcap_parser() {
  if (head().size() < PcapHeader::size)
    return error("{} is cut within its header; it holds no packet", name_);
  const auto header = PcapHeader::read(head());
  if (!header)
    return error("{} is a pcap file of a version that is not known; write it anew with tcpdump", name_);
  const auto link_type = known_link_type(header->link_type);
  if (!link_type)
    return error(
        "{} has packets of link type {}, which is not known here; capture on Ethernet, loopback, PPP, raw IP "
        "or \"any\"",
        name_, header->link_type);
  if (const auto good = check_filter(*link_type, header->swapped); !good) return tl::unexpected(good.error());
  return PcapParser(*header, *link_type, filters_.program(*link_type, header->swapped));
}

Result<PcapngParser> TraceSource::pcapng_parser() {
  const LinkType link_type = PcapngParser::first_link_type(head()).value_or(LinkType::ethernet);
  if (const auto good = check_filter(link_type, false); !good) return tl::unexpected(good.error());
  return PcapngParser(filters_);
}

Result<void> TraceSource::check_filter(LinkType link_type, bool big_endian) const {
  if (options_.filter.empty()) return {};
  const auto program = compile_filter(options_.filter, link_type, options_.snap_length, big_endian);
  if (!program) return tl::unexpected(program.error());
  return {};
}

Result<void> TraceSource::make_feeds() {
  const std::size_t count = std::max<std::size_t>(options_.shards, 1);
  if (!reader_->is_plain_file() || path_ == "-") {
    for (std::size_t i = 0; i < count; ++i) feeds_.push_back(std::make_unique<QueueFeed>(*this));
    return {};
  }
  for (std::size_t i = 0; i < count; ++i) {
    auto reader = ByteReader::open(path_);
    if (!reader) return tl::unexpected(reader.error());
    if (count > 1) (*reader)->end_at_present_size();
    readers_.push_back(reader->get());
    feeds_.push_back(std::make_unique<DirectFeed>(std::move(*reader)));
  }
  return {};
}

Result<void> TraceSource::make_streams(const TraceParser& parser, std::uint64_t skip) {
  if (const auto made = make_feeds(); !made) return made;
  for (const auto& feed : feeds_) {
    streams_.push_back(
        std::make_unique<TraceStream>(name_, parser, skip, options_, *feed, warnings_, stopped_));
  }
  return {};
}

void TraceSource::start_reading() {
  std::call_once(started_, [this] { thread_ = std::thread([this] { read_all(); }); });
}

// Every queue gets every chunk. A closed one takes none, and does not hold the others up.
void TraceSource::read_all() {
  block_signals();
  Piece piece = std::exchange(first_, {});
  while (!stopped_.load(std::memory_order_relaxed)) {
    bool wanted = false;
    if (piece.chunk || piece.ended)
      for (const auto& feed : feeds_) wanted |= static_cast<QueueFeed&>(*feed).queue.push(piece);
    if (piece.ended || (piece.chunk && !wanted)) break;
    piece = reader_->next();
  }
  for (const auto& feed : feeds_) feed->close();
}

// Frames are counted once: by the stream that is furthest.
SourceCounters TraceSource::counters() const {
  SourceCounters sum;
  for (const auto& stream : streams_) {
    const SourceCounters one = stream->counters();
    sum.frames = std::max(sum.frames, one.frames);
    sum.filtered = std::max(sum.filtered, one.filtered);
    sum.malformed = std::max(sum.malformed, one.malformed);
    sum.unknown_link = std::max(sum.unknown_link, one.unknown_link);
  }
  return sum;
}

// The furthest reader speaks for all.
SourceProgress TraceSource::progress() const {
  SourceProgress furthest{reader_->done(), reader_->total()};
  for (const ByteReader* reader : readers_) furthest.done = std::max(furthest.done, reader->done());
  return furthest;
}

void TraceSource::stop() {
  stopped_.store(true, std::memory_order_relaxed);
  reader_->cancel();
  for (ByteReader* reader : readers_) reader->cancel();
  for (const auto& feed : feeds_) feed->close();
}

}  // namespace

Result<std::unique_ptr<Source>> open_trace(const std::string& path, const SourceOptions& options) {
  auto reader = ByteReader::open(path);
  if (!reader) return tl::unexpected(reader.error());
  Piece first = (*reader)->next();
  if (!first.chunk) {
    const std::string why =
        first.ended ? (first.damage.empty() ? "nothing is in it" : first.damage) : "interrupted";
    return error("{}: {}; no packet could be read", path == "-" ? "standard input" : path, why);
  }
  auto source = std::make_unique<TraceSource>(path, options, std::move(*reader), std::move(first));
  if (const auto ready = source->prepare(); !ready) return tl::unexpected(ready.error());
  return source;
}

}  // namespace spiderling
