// One conversation of the bench trace: who talks to whom, how, and what its next packet is.
#pragma once

#include <cstdint>

#include "trace/frame.h"
#include "trace/random.h"

namespace spiderling::bench {

enum class FlowKind : std::uint8_t { tcp, dns, quic, udp, fragmented_udp, ping, unreachable };

/// What a flow is and how far it has come. Everything that does not change between packets is derived from
/// `seed`.
struct Flow {
  std::uint64_t seed = 0;
  std::uint32_t index = 0;         ///< makes the addresses and ports unique
  std::uint32_t packets = 0;       ///< in all
  std::uint32_t sent = 0;          ///< of them
  std::uint32_t client_bytes = 0;  ///< of payload so far, and SYN and FIN
  std::uint32_t server_bytes = 0;
  FlowKind kind = FlowKind::tcp;
};

/// The parties, derived from a flow.
struct Parties {
  Envelope forward;
  std::uint16_t client_port = 0;
  std::uint16_t server_port = 0;
};
Parties parties(const Flow& flow);
Envelope reversed(const Envelope& forward);

/// Pseudo-random payload bytes, the same for every run. `length` at most Frame::max_size.
std::span<const std::uint8_t> payload(Random& random, std::size_t length);

/// Builds the next packet of the flow and moves it on. `time_us` feeds the TCP time stamps.
void next_packet(Frame& frame, Flow& flow, Random& random, std::uint64_t time_us);

/// The TCP part of next_packet().
void next_tcp(Frame& frame, Flow& flow, Random& random, std::uint64_t time_us);

/// Damages a finished frame in one of the ways in which broken senders and hostile ones do.
void damage(Frame& frame, Random& random);

}  // namespace spiderling::bench
