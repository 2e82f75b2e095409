#include "capture/trace_stream.h"

#include <algorithm>

namespace spiderling {
namespace {

/// A batch ends when it has gone through so many chunks, full or not: this bounds what it keeps from being
/// reused, and how long a filter that rarely matches keeps the caller.
constexpr int most_chunks_in_batch = 4;

}  // namespace

void WarningList::add(std::string line) {
  const std::lock_guard lock(mutex_);
  if (std::find(lines_.begin(), lines_.end(), line) == lines_.end()) lines_.push_back(std::move(line));
}

std::vector<std::string> WarningList::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

FrameStream::Batch TraceStream::next(std::span<Frame> room, std::chrono::milliseconds wait) {
  release();
  if (stopped_->load(std::memory_order_relaxed)) finish();
  if (over_) return {StreamState::ended, 0};
  sink_.start(room);
  fill(Clock::now() + wait);
  const std::size_t count = sink_.finish();
  if (sink_.done()) finish();
  publish();
  if (count > 0) return {StreamState::frames, count};
  return {over_ ? StreamState::ended : StreamState::idle, 0};
}

void TraceStream::fill(Clock::time_point deadline) {
  int chunks = 0;
  while (!over_ && !sink_.full()) {
    if (!chunk_ || at_ == chunk_->size) {
      if (chunks++ == most_chunks_in_batch || !advance(deadline)) return;
    } else if (skip_ > 0) {
      pass_over();
    } else if (!carry_.empty()) {
      parse_carry();
    } else {
      parse_chunk();
    }
  }
}

// False if there is no chunk now.
bool TraceStream::advance(Clock::time_point deadline) {
  constexpr std::chrono::milliseconds none{0};
  // A writer that pauses is not waited for with frames in hand; one that does not fills batches as a file
  // does.
  const bool wait = !writer_paused_ || sink_.count() == 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  Piece piece = feed_->take(wait ? std::max(left, none) : none);
  if (!piece.chunk) {
    if (piece.ended) end_of_bytes(piece.damage);
    return false;
  }
  if (chunk_) held_.push_back(std::move(chunk_));
  chunk_ = std::move(piece.chunk);
  writer_paused_ = piece.paused;
  at_ = 0;
  return true;
}

void TraceStream::pass_over() {
  const std::uint64_t size = std::min<std::uint64_t>(skip_, chunk_->size - at_);
  at_ += size;
  skip_ -= size;
}

void TraceStream::parse_chunk() {
  const ParseStep step = parse(chunk_->bytes.get() + at_, chunk_->size - at_);
  at_ += step.used;
  skip_ = step.skip;
  if (step.damage != nullptr) return fail(step.damage);
  if (step.wanted == 0) return;
  if (!spare_.empty()) {
    carry_ = std::move(spare_.back());
    spare_.pop_back();
  }
  carry_.assign(chunk_->bytes.get() + at_, chunk_->bytes.get() + chunk_->size);
  wanted_ = step.wanted;
  at_ = chunk_->size;
  // Nothing to carry: the record starts with the next chunk.
}

// Of bounded size: a parser never wants more than the largest record.
void TraceStream::parse_carry() {
  const std::size_t size = std::min(wanted_ - carry_.size(), chunk_->size - at_);
  const std::uint8_t* from = chunk_->bytes.get() + at_;
  carry_.insert(carry_.end(), from, from + size);
  at_ += size;
  if (carry_.size() < wanted_) return;
  const ParseStep step = parse(carry_.data(), carry_.size());
  if (step.damage != nullptr) return fail(step.damage);
  if (step.used == 0 && step.skip == 0) {
    wanted_ = step.wanted;
    return;
  }
  skip_ = step.skip > carry_.size() ? step.skip - carry_.size() : 0;
  carried_.push_back(std::move(carry_));
  carry_.clear();
}

ParseStep TraceStream::parse(const std::uint8_t* bytes, std::size_t size) {
  return std::visit([&](auto& parser) { return parser.parse(bytes, size, sink_); }, parser_);
}

std::uint64_t TraceStream::records() const {
  return std::visit([](const auto& parser) { return parser.records(); }, parser_);
}

void TraceStream::fail(const char* damage) {
  warnings_->add(fmt::format("{}: damaged at packet {} ({}); the packets before it were read", name_,
                             records() + 1, damage));
  finish();
}

void TraceStream::end_of_bytes(const std::string& damage) {
  const bool stopped = stopped_->load(std::memory_order_relaxed);
  if (!stopped && !damage.empty()) {
    warnings_->add(fmt::format("{}: {}; the {} packets before that were read", name_, damage, records()));
  } else if (!stopped && (!carry_.empty() || skip_ > 0)) {
    warnings_->add(fmt::format("{}: cut in the middle of packet {}; the packets before it were read", name_,
                               records() + 1));
  }
  finish();
}

void TraceStream::finish() {
  if (over_) return;
  over_ = true;
  feed_->close();
  const auto* parser = std::get_if<PcapngParser>(&parser_);
  if (parser != nullptr && parser->odd_trailers() > 0)
    warnings_->add(
        fmt::format("{}: {} blocks have another length at their end than at their start; the first counts",
                    name_, parser->odd_trailers()));
}

void TraceStream::release() {
  held_.clear();
  for (auto& buffer : carried_) spare_.push_back(std::move(buffer));
  carried_.clear();
}

void TraceStream::publish() {
  published_.frames.store(sink_.frames(), std::memory_order_relaxed);
  published_.filtered.store(sink_.filtered(), std::memory_order_relaxed);
  published_.malformed.store(sink_.malformed(), std::memory_order_relaxed);
  published_.unknown_link.store(sink_.unknown_link(), std::memory_order_relaxed);
}

SourceCounters TraceStream::counters() const {
  SourceCounters counters;
  counters.frames = published_.frames.load(std::memory_order_relaxed);
  counters.filtered = published_.filtered.load(std::memory_order_relaxed);
  counters.malformed = published_.malformed.load(std::memory_order_relaxed);
  counters.unknown_link = published_.unknown_link.load(std::memory_order_relaxed);
  return counters;
}

}  // namespace spiderling
