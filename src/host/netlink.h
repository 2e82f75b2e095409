// Questions to the kernel, about routes and rules and more, and their answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/error.h"

struct mnl_socket;
struct nlmsghdr;

namespace spiderling {

/// A netlink socket, of the network namespace in which it was opened. One request at a time, each answered
/// before `ask` returns. Not thread-safe.
class Netlink {
 public:
  static Result<Netlink> open();
  /// One to the families that have no protocol of their own: their number is asked for by name.
  static Result<Netlink> open_generic();
  Netlink(Netlink&& other) noexcept;
  Netlink& operator=(Netlink&&) = delete;
  ~Netlink();

  /// What the kernel answered: 0 or an errno, with its own words where it has any.
  struct Answer {
    int reason = 0;
    std::string words;
    explicit operator bool() const { return reason == 0; }
    std::string text() const;
  };
  using OnMessage = std::function<void(const nlmsghdr*)>;

  /// Sends a request and calls `on_message` for each message of the answer. The request's flags say whether
  /// the kernel acknowledges (NLM_F_ACK) or lists (NLM_F_DUMP).
  Answer ask(std::vector<std::byte> request, const OnMessage& on_message = {});

 private:
  explicit Netlink(mnl_socket* socket) : socket_(socket) {}
  static Result<Netlink> open_protocol(int protocol, const char* about);

  mnl_socket* socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace spiderling
