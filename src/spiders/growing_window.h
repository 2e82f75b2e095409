// How much to have under way at once towards a server whose speed nobody has told us.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace spiderling {

/// Begins small, and grows only as long as that makes it faster: beyond what a server can do, more questions
/// at once are only lost in its queue, asked again, and lost again. Now and then less is tried too, and kept
/// if it is as fast. One thread.
///
///     GrowingWindow window(1000, now);
///     window.look(now);                                  // often
///     while (held < window.size()) begin_one();          // then:
///     window.was_full();
///     window.finished();                                 // with each that has ended
class GrowingWindow {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Two questions for each of them, and the socket of an ordinary server has room for twice as many.
  static constexpr std::size_t first = 32;
  /// So long a size is tried.
  static constexpr std::chrono::milliseconds period{500};
  /// So many periods nothing is tried after a size has proved to be right.
  static constexpr unsigned rest = 8;

  /// `most`: at least 1.
  GrowingWindow(std::size_t most, Time now);

  std::size_t size() const { return size_; }
  void finished() { ++finished_; }
  /// More could be under way if it were larger.
  void was_full() { full_ = true; }
  void look(Time now);

 private:
  enum class Trial : std::uint8_t { none, larger, smaller };

  void judge(double rate);
  bool answers_soon(double rate) const;
  void begin(Trial trial, double rate);
  void back();
  void settle();

  const std::size_t least_, most_;
  std::size_t size_;
  Time began_;
  std::uint64_t finished_ = 0;  // in this period
  bool full_ = false;
  Trial trial_ = Trial::none;
  Trial next_ = Trial::larger;
  std::size_t size_before_ = 0;  // the trial
  double rate_before_ = 0;       // a second
  unsigned rest_ = 0;            // periods
};

}  // namespace spiderling
