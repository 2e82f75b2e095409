// Coroutines of measurements: a function that waits for the network without holding a thread.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace spiderling {

template <class T = void>
class Task;

namespace detail {

// What promises of all results share: who waits, and resuming them when the task has ended.
struct TaskPromiseBase {
  std::coroutine_handle<> waiting = std::noop_coroutine();
  // The first coroutine of those that wait, no task itself. It owns the others: destroyed, it ends them all.
  std::coroutine_handle<> root;
  std::exception_ptr failure;

  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      return self.promise().waiting;
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { failure = std::current_exception(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() {
    if (failure) std::rethrow_exception(failure);
    return std::move(*value);
  }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void take() const {
    if (failure) std::rethrow_exception(failure);
  }
};

}  // namespace detail

/// The result, some time later, of a coroutine. Lazy: it runs when it is awaited, which must happen once at
/// most, and in the thread of the engine's event loop. Destroyed before its end, it is cancelled where it
/// stands.
///
///     Task<ConnectionRecord> connect(Worker& worker) override {
///       ConnectionRecord record = co_await worker.connect();
///       record.add("greeting", co_await worker.receive(64));
///       co_return record;
///     }
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> waiting) noexcept {
    detail::TaskPromiseBase& promise = handle_.promise();
    promise.waiting = waiting;
    if constexpr (std::is_base_of_v<detail::TaskPromiseBase, Promise>) {
      promise.root = waiting.promise().root;
    } else {
      promise.root = waiting;
    }
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {
template <class T>
Task<T> TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}
}  // namespace detail

}  // namespace spiderling
