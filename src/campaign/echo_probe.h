// One address that is asked whether it is there, again and again.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "spiderling/address.h"
#include "spiderling/packet.h"

namespace spiderling {

/// ICMP echo requests (RFC 792, RFC 4443 section 4.1), one a second, and whether they are answered. Never
/// waits. One thread.
class EchoProbe {
 public:
  static constexpr std::chrono::milliseconds every{1000};
  /// Silence for so long is more than a packet lost.
  static constexpr std::chrono::milliseconds patience{3500};

  /// Needs CAP_NET_RAW, now only.
  static Result<EchoProbe> open(const IpAddress& target);

  /// Asks if it is time to, and reads what has come. Call it a few times a second.
  void look(Timestamp now);
  /// When the last request left that was answered; before there is one: when this was first looked at.
  Timestamp last_good() const { return last_good_; }
  bool is_silent(Timestamp now) const { return now - last_good_ > patience; }
  const IpAddress& target() const { return target_; }

 private:
  EchoProbe(const IpAddress& target, FileDescriptor socket, std::uint16_t id)
      : target_(target), socket_(std::move(socket)), id_(id) {}
  void ask(Timestamp now);
  void read_answers();
  void take_answer(const std::uint8_t* message, std::size_t size);

  IpAddress target_;
  FileDescriptor socket_;
  std::uint16_t id_;
  std::uint16_t sequence_ = 0;
  Timestamp last_asked_{};
  std::array<Timestamp, 8> asked_{};  // by sequence number, the last ones
  Timestamp last_good_{};
};

}  // namespace spiderling
