// One connection of a made-up network, packet by packet, as an observer beside the host sees it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "spiderling/builder.h"
#include "spiderling/connection.h"
#include "spiderling/testing/packets.h"
#include "spiders/flow_watch.h"
#include "testing/fake_path.h"

namespace spiderling::testing {

/// The answer to a question of DNS: that all is well, and no more.
std::string dns_answer(std::string_view question);

/// How a step of the exchange ended.
struct Ending {
  ConnectionState state = ConnectionState::ok;
  std::string reason;
  bool ok() const { return state == ConnectionState::ok; }
};

/// The host asks as Linux does, the target answers as it is told, the path is between them. No I/O, no clock:
/// what comes to nothing takes no time.
class FakeExchange {
 public:
  /// `target`, `setup` and `cookie_kept` (what this host knows of the target's Fast Open) outlive it.
  FakeExchange(const FakeTarget& target, const ExpectedFlow& flow, const SocketSetup& setup,
               bool& cookie_kept)
      : target_(target), flow_(flow), setup_(setup), cookie_kept_(cookie_kept) {}

  /// The handshake. `first`: what there is to say, for a SYN that carries data.
  Ending open(std::string_view first);
  /// Says something over the connection that stands, or what is left of what its SYN carried; `answer` is
  /// what the target says to it. The target's words are in heard().
  Ending say(std::string_view words, const std::string& answer);
  /// A datagram, and its answer.
  Ending ask(std::string_view words, const std::string& answer);
  /// A packet of a measurement's own making. It is answered if it gets there.
  Ending forged(PacketBytes packet);
  /// Both ends say FIN, if the connection stands.
  void close();

  const std::string& heard() const { return heard_; }
  bool answered() const { return answered_; }
  /// All packets, from their IP header on.
  const Packets& packets() const { return packets_; }

 private:
  struct Segment {
    std::uint8_t flags = 0;
    OptionBytes options{};
    std::string_view payload{};
  };
  PacketBytes made(bool ours, const Segment& segment) const;
  PacketBytes datagram(bool ours, std::string_view words) const;
  PacketBytes unreachable(const PacketBytes& about, bool port) const;
  Ecn mark() const { return ecn_ ? Ecn::ect0 : Ecn::not_ect; }

  std::optional<PacketBytes> send(const PacketBytes& packet);
  bool receive(PacketBytes packet);
  Ending deny(const PacketBytes& arrived);
  OptionBytes syn_options(std::string_view& data) const;
  PacketBytes syn_ack(const Packet& syn);
  bool take_syn_ack(const Packet& answer, std::size_t data);

  const FakeTarget& target_;
  const ExpectedFlow flow_;
  const SocketSetup& setup_;
  bool& cookie_kept_;
  Packets packets_;
  std::string heard_;
  std::uint32_t our_sequence_ = 1000;
  std::uint32_t their_sequence_ = 5000;
  std::size_t said_in_syn_ = 0;
  bool ecn_ = false;
  bool stands_ = false;
  bool answered_ = false;
};

}  // namespace spiderling::testing
