#include "app/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace spiderling::app {

namespace {

// A line that is longer than the terminal is wide cannot be redrawn.
std::size_t columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return 80;
  return size.ws_col;
}

}  // namespace

std::string short_number(double number) {
  constexpr std::string_view units[] = {"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  while (number >= 999.5 && unit + 1 < std::size(units)) {
    number /= 1000;
    ++unit;
  }
  const int decimals = unit == 0 || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f}{}", number, decimals, units[unit]);
}

std::string ProgressLine::text(const PipelineProgress& p, std::chrono::duration<double> elapsed) {
  const double seconds = std::max(elapsed.count(), 0.001);
  std::string line = fmt::format(
      "{} packets ({}/s), {} records", short_number(static_cast<double>(p.packets)),
      short_number(static_cast<double>(p.packets) / seconds), short_number(static_cast<double>(p.records)));
  if (p.source.total == 0 || p.source.done == 0) return line;
  const double share =
      std::min(1.0, static_cast<double>(p.source.done) / static_cast<double>(p.source.total));
  const auto left = static_cast<long>(seconds / share - seconds + 0.5);
  line += fmt::format(", {:.0f} %, {:02}:{:02} left", share * 100, left / 60, left % 60);
  return line;
}

void ProgressLine::update(const PipelineProgress& progress) {
  update([&](std::chrono::duration<double> elapsed) { return text(progress, elapsed); });
}

void ProgressLine::update(const std::function<std::string(std::chrono::duration<double>)>& text) {
  const auto now = Clock::now();
  constexpr auto redraw_every = std::chrono::milliseconds(200);
  if (!shown_ || now - last_ < redraw_every) return;
  last_ = now;
  drawn_ = true;
  const std::string line = text(now - started_);
  fmt::print(stderr, "\r\033[K{}", std::string_view(line).substr(0, columns() - 1));
  std::fflush(stderr);
}

void ProgressLine::finish() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace spiderling::app
