#include "app/stop_signal.h"

#include <csignal>

namespace spiderling::app {

namespace {

volatile std::sig_atomic_t stop_requested = 0;

void note(int) { stop_requested = 1; }

void install(void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

StopSignal::StopSignal() {
  stop_requested = 0;
  install(note, static_cast<int>(SA_RESETHAND | SA_RESTART));
}

StopSignal::~StopSignal() { install(SIG_DFL, 0); }

bool StopSignal::requested() const { return stop_requested != 0; }

}  // namespace spiderling::app
