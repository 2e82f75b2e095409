#include "app/observe_pipeline.h"

#include <array>
#include <atomic>
#include <thread>

#include "plugins/python_door.h"

namespace spiderling::app {

namespace {

using namespace std::chrono_literals;

constexpr auto frame_wait = 100ms;   // how long a shard waits for frames before it looks at the clock
constexpr auto writer_wait = 100ms;  // how long the writer waits for a block before it looks around
// A live packet may lie in the capture ring for a while: timers that no packet drives run behind by this.
constexpr auto live_lag = 1s;
// A run that was told to end and has not after this: a chain in Python does not come back.
constexpr auto patience = 2s;

void add(const std::vector<ChainFigures>& more, std::vector<ChainFigures>& sum) {
  sum.resize(more.size());
  for (std::size_t i = 0; i < more.size(); ++i) {
    sum[i].figures += more[i].figures;
    sum[i].set_aside |= more[i].set_aside;
  }
}

}  // namespace

// One thread: its stream, its observer, its block of output.
class ObservePipeline::Shard final : public FlowSink {
 public:
  Shard(ObservePipeline& pipeline, std::size_t number)
      : pipeline_(pipeline),
        stream_(pipeline.source_.stream(number)),
        observer_(pipeline.chains_, observer_options(pipeline, number), *this),
        keeps_frames_(pipeline.kept_ != nullptr &&
                      (number == 0 || !pipeline.source_.every_stream_sees_all())),
        block_(pipeline.blocks_.take_spare()) {}

  void start() {
    thread_ = std::thread([this] { work(); });
  }
  void join() { thread_.join(); }

  const ObserverCounters& counters() const { return observer_.counters(); }  // once joined
  std::vector<ChainFigures> chain_figures() { return observer_.chain_figures(); }
  std::uint64_t packets() const { return packets_.load(std::memory_order_relaxed); }
  std::uint64_t records() const { return records_.load(std::memory_order_relaxed); }

  void flow_ended(const FlowRecord& record) override {
    if (!pipeline_.json_.is_bounded()) return append(record);
    if (block_.room() < pipeline_.json_.max_record_bytes()) hand_over();
    block_.set_end(pipeline_.json_.write(record, block_.end()));
  }

 private:
  void append(const FlowRecord& record) {
    text_.clear();
    pipeline_.json_.append(record, text_);
    if (block_.room() < text_.size()) hand_over();
    block_.append(text_);
  }

  static ObserverOptions observer_options(const ObservePipeline& pipeline, std::size_t number) {
    ObserverOptions options = pipeline.options_.observer;
    if (pipeline.source_.every_stream_sees_all()) {
      options.shard = number;
      options.shards = pipeline.options_.shards;
    }
    options.max_flows = std::max<std::size_t>(1, options.max_flows / pipeline.options_.shards);
    return options;
  }

  void work() {
    std::array<Frame, Observer::max_batch> room;
    const bool live = pipeline_.source_.live();
    while (true) {
      const auto batch = stream_.next(room, frame_wait);
      if (batch.state == StreamState::ended) break;
      const std::span<const Frame> frames = within_duration(std::span(room).first(batch.count));
      observer_.process(frames);
      if (keeps_frames_) keep(frames);
      if (live && batch.state == StreamState::idle)
        observer_.advance(std::chrono::system_clock::now() - live_lag);
      if (live || batch.state == StreamState::idle) hand_over();
      packets_.store(observer_.counters().packets, std::memory_order_relaxed);
      records_.store(observer_.counters().records, std::memory_order_relaxed);
      if (frames.size() < batch.count) break;
    }
    observer_.finish();
    packets_.store(observer_.counters().packets, std::memory_order_relaxed);
    records_.store(observer_.counters().records, std::memory_order_relaxed);
    block_.last = true;
    pipeline_.blocks_.hand_over(std::move(block_));
  }

  void keep(std::span<const Frame> frames) {
    for (const Frame& frame : frames) {
      pipeline_.kept_->format().append(frame, block_.kept_frames);
      if (block_.kept_frames.size() >= OutputBlock::capacity) hand_over();
    }
  }

  // A trace ends at the first frame beyond --duration; every shard sees the same one.
  std::span<const Frame> within_duration(std::span<const Frame> frames) {
    if (pipeline_.source_.live() || !pipeline_.options_.duration || frames.empty()) return frames;
    if (!first_time_ns_) first_time_ns_ = frames.front().time_ns;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (frames[i].time_ns - *first_time_ns_ >= pipeline_.options_.duration->count()) return frames.first(i);
    }
    return frames;
  }

  void hand_over() {
    if (block_.empty()) return;
    pipeline_.blocks_.hand_over(std::exchange(block_, pipeline_.blocks_.take_spare()));
  }

  ObservePipeline& pipeline_;
  FrameStream& stream_;
  Observer observer_;
  const bool keeps_frames_;
  OutputBlock block_;
  std::string text_;
  std::optional<std::int64_t> first_time_ns_;
  std::atomic<std::uint64_t> packets_ = 0;
  std::atomic<std::uint64_t> records_ = 0;
  std::thread thread_;
};

ObservePipeline::ObservePipeline(Source& source, const ChainSet& chains, const PipelineOptions& options,
                                 RecordWriter write_records, TraceWriter* kept)
    : source_(source),
      chains_(chains),
      options_(options),
      write_records_(std::move(write_records)),
      kept_(kept),
      json_(chains),
      blocks_(options.shards) {
  for (std::size_t i = 0; i < options.shards; ++i) shards_.push_back(std::make_unique<Shard>(*this, i));
}

ObservePipeline::~ObservePipeline() = default;

PipelineResult ObservePipeline::run(const std::function<bool(const PipelineProgress&)>& tick) {
  using Clock = std::chrono::steady_clock;
  auto last_tick = Clock::now();
  const bool ends_by_clock = source_.live() && options_.duration.has_value();
  const auto end = ends_by_clock ? last_tick + *options_.duration : Clock::time_point::max();
  for (auto& shard : shards_) shard->start();

  PipelineResult result;
  bool stopped = false;
  auto stopped_at = Clock::time_point::max();
  std::size_t last_blocks = 0;  // each shard's last block says so
  while (last_blocks < shards_.size()) {
    auto block = blocks_.next_full(writer_wait);
    if (block) {
      write(*block, result);
      if (block->last) ++last_blocks;
      blocks_.give_back(std::move(*block));
    }
    const auto now = Clock::now();
    if (stopped && now - stopped_at >= patience) {
      stopped_at = now;
      if (PythonHost* python = running_python_host()) python->stop_chains();
    }
    if (stopped || (block && now - last_tick < writer_wait)) continue;
    last_tick = now;
    if (!tick(progress()) || now >= end || !wanted_ || !result.kept_failure.empty()) {
      source_.stop();
      stopped = true;
      stopped_at = now;
    }
  }

  for (auto& shard : shards_) {
    shard->join();
    result.shards.push_back(shard->counters());
    result.observer += shard->counters();
    add(shard->chain_figures(), result.chains);
  }
  result.source = source_.counters();
  return result;
}

void ObservePipeline::write(const OutputBlock& block, PipelineResult& result) {
  if (wanted_ && !block.text().empty()) wanted_ = write_records_(block.text());
  if (block.kept_frames.empty()) return;
  if (const auto written = kept_->write(block.kept_frames); !written)
    result.kept_failure = written.error().message;
}

PipelineProgress ObservePipeline::progress() const {
  PipelineProgress progress;
  for (const auto& shard : shards_) {
    progress.packets += shard->packets();
    progress.records += shard->records();
  }
  progress.source = source_.progress();
  return progress;
}

}  // namespace spiderling::app
