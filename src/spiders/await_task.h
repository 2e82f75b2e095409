// Between the coroutines of measurements (Task) and those of Asio.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/boost_asio.h"
#include "spiderling/task.h"
#include "spiders/plugin_calls.h"

namespace spiderling {

/// Why something failed, for a person. Measurements may throw anything.
inline std::string reason_of(std::exception_ptr failure) {
  try {
    std::rethrow_exception(std::move(failure));
  } catch (const std::exception& problem) {
    return problem.what();
  } catch (...) {
    return "it threw what is no std::exception";
  }
}

namespace detail {

// A coroutine that nobody waits for: it destroys itself at its end.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }  // drive() lets nothing out
  };
};

template <class T, class Handler>
Detached drive(Task<T> task, Handler handler) {
  std::exception_ptr failure;
  std::optional<T> value;
  try {
    value.emplace(co_await task);
  } catch (...) {
    failure = std::current_exception();
  }
  handler(failure, std::move(value));
}

}  // namespace detail

/// Awaits a measurement's task in a coroutine of the engine. Throws what the task throws. `calls`, if there
/// are any, are told that it runs as this function.
template <class T>
asio::awaitable<T> await_task(Task<T> task, PluginCalls* calls = nullptr,
                              PluginFunction function = PluginFunction::connect) {
  std::optional<T> value = co_await asio::async_initiate<const asio::use_awaitable_t<>,
                                                         void(std::exception_ptr, std::optional<T>)>(
      [calls, function](auto handler, Task<T> running) {
        const PluginCall runs(calls, function);
        detail::drive(std::move(running), std::move(handler));
      },
      asio::use_awaitable, std::move(task));
  co_return std::move(*value);
}

inline asio::awaitable<void> await_task(Task<void> task, PluginCalls* calls = nullptr,
                                        PluginFunction function = PluginFunction::connect) {
  const auto with_value = [](Task<void> running) -> Task<bool> {
    co_await running;
    co_return true;
  };
  co_await await_task(with_value(std::move(task)), calls, function);
}

/// Calls a function of the measurement and awaits the task that it gives, as await_task() does.
template <class Function>
auto await_call(PluginCalls* calls, PluginFunction function, Function make) {
  const auto begin = [&] {
    const PluginCall runs(calls, function);
    return make();
  };
  return await_task(begin(), calls, function);
}

/// Awaits a coroutine of the engine in a measurement's task. If that coroutine is destroyed before its end,
/// as all are when the event loop is, so is the task, with all that wait for it.
template <class T>
class InTask {
 public:
  /// `watch`: which function of the measurement waits is noted in it, and that it goes on; may be nullptr.
  InTask(asio::any_io_executor executor, asio::awaitable<T> operation, HandlerWatch* watch = nullptr)
      : executor_(std::move(executor)), operation_(std::move(operation)), watch_(watch) {}

  bool await_ready() const noexcept { return false; }
  template <std::derived_from<detail::TaskPromiseBase> Promise>
  void await_suspend(std::coroutine_handle<Promise> waiting) {
    if (watch_ != nullptr) function_ = watch_->running();
    asio::co_spawn(executor_, std::move(operation_), Resumption(*this, waiting, waiting.promise().root));
  }
  T await_resume() {
    if (failure_) std::rethrow_exception(failure_);
    return std::move(*value_);
  }

 private:
  // Called once, or destroyed.
  class Resumption {
   public:
    Resumption(InTask& in_task, std::coroutine_handle<> waiting, std::coroutine_handle<> root)
        : in_task_(in_task), waiting_(waiting), root_(root) {}
    Resumption(Resumption&& other) noexcept
        : in_task_(other.in_task_), waiting_(other.waiting_), root_(std::exchange(other.root_, {})) {}
    Resumption& operator=(Resumption&&) = delete;
    ~Resumption() {
      if (root_) root_.destroy();
    }
    void operator()(std::exception_ptr failure, T value) {
      root_ = {};
      in_task_.failure_ = std::move(failure);
      in_task_.value_.emplace(std::move(value));
      std::optional<HandlerWatch::Call> runs;
      if (in_task_.watch_ != nullptr) runs.emplace(*in_task_.watch_, in_task_.function_ - 1);
      waiting_.resume();  // in_task_ may end with it
    }

   private:
    InTask& in_task_;
    std::coroutine_handle<> waiting_;
    std::coroutine_handle<> root_;
  };

  asio::any_io_executor executor_;
  asio::awaitable<T> operation_;
  HandlerWatch* watch_;
  std::uint32_t function_ = 0;
  std::exception_ptr failure_;
  std::optional<T> value_;
};

}  // namespace spiderling
