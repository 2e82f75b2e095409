#include "capture/live_source.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "capture/fanout_program.h"
#include "capture/live_stream.h"

namespace spiderling {
namespace {

constexpr std::size_t most_shards = 256;  // of a fanout group

class LiveSource final : public Source {
 public:
  Result<void> prepare(const LiveInterface& interface, const SourceOptions& options);

  FrameStream& stream(std::size_t shard) override { return *streams_.at(shard); }
  bool every_stream_sees_all() const override { return false; }
  bool live() const override { return true; }
  SourceCounters counters() const override;
  SourceProgress progress() const override { return {}; }
  std::vector<std::string> warnings() const override { return shared_.warnings.lines(); }
  void stop() override { shared_.stop(); }

 private:
  Result<void> make_streams(const SourceOptions& options);
  Result<void> start(bool promiscuous);

  LiveShared shared_;
  std::vector<std::unique_ptr<LiveStream>> streams_;
  // The kernel forgets its count of lost packets when it is asked.
  mutable std::mutex dropped_mutex_;
  mutable std::uint64_t dropped_ = 0;
};

Result<void> LiveSource::prepare(const LiveInterface& interface, const SourceOptions& options) {
  shared_.interface = interface;
  shared_.snap_length = options.snap_length;
  shared_.limited = options.max_frames != 0;
  shared_.left = static_cast<std::int64_t>(std::min<std::uint64_t>(options.max_frames, 1ull << 62));
  auto filter = LiveFilter::compile(options.filter, interface.kind, options.snap_length);
  if (!filter) return tl::unexpected(filter.error());
  shared_.filter = std::move(*filter);
  shared_.wake = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!shared_.wake) return error("cannot make an eventfd: {}", std::strerror(errno));
  if (const auto made = make_streams(options); !made) return made;
  return start(options.promiscuous);
}

Result<void> LiveSource::make_streams(const SourceOptions& options) {
  const std::size_t count = std::max<std::size_t>(options.shards, 1);
  if (count > most_shards) return error("{} shards are too many; at most {} can capture", count, most_shards);
  for (std::size_t i = 0; i < count; ++i) {
    auto ring = PacketRing::create(shared_.interface, options.ring_bytes / count);
    if (!ring) return tl::unexpected(ring.error());
    streams_.push_back(std::make_unique<LiveStream>(std::move(*ring), shared_));
  }
  return {};
}

// Until the filters are set at the very end every socket refuses everything, so no packet is captured by a
// socket that has not joined the others yet, or that the filter would have refused.
Result<void> LiveSource::start(bool promiscuous) {
  const LiveInterface& interface = shared_.interface;
  for (const auto& stream : streams_)
    if (const auto bound = stream->ring().bind(interface); !bound) return bound;
  if (streams_.size() > 1) {
    const auto program = fanout_program();
    std::optional<int> group;
    for (const auto& stream : streams_)
      if (const auto joined = stream->ring().join(interface, program, group); !joined) return joined;
  }
  if (promiscuous && !interface.loopback) {
    // Some cannot; what is addressed to this machine is captured all the same.
    const auto done = streams_.front()->ring().set_promiscuous(interface);
    if (!done) shared_.warnings.add(done.error().message);
  }
  for (const auto& stream : streams_) {
    if (stream->ring().set_filter(shared_.filter.kernel_program())) continue;
    shared_.filter_here = true;
    if (!stream->ring().set_filter(LiveFilter::accept(shared_.snap_length)))
      return error("cannot capture on {}: no filter can be attached: {}", interface.name,
                   std::strerror(errno));
  }
  return {};
}

SourceCounters LiveSource::counters() const {
  SourceCounters sum;
  const std::lock_guard lock(dropped_mutex_);
  for (const auto& stream : streams_) {
    sum.frames += stream->frames();
    sum.unknown_link += stream->unknown_link();
    dropped_ += stream->ring().take_dropped();
  }
  sum.kernel_dropped = dropped_;
  return sum;
}

}  // namespace

Result<std::unique_ptr<Source>> open_live(const std::string& name, const SourceOptions& options) {
  const auto interface = LiveInterface::find(name);
  if (!interface) return tl::unexpected(interface.error());
  auto source = std::make_unique<LiveSource>();
  if (const auto ready = source->prepare(*interface, options); !ready) return tl::unexpected(ready.error());
  return source;
}

}  // namespace spiderling
