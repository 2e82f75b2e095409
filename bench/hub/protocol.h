// Three ways to send one message to many: the hub's WebSocket, MQTT 3.1.1 (QoS 0) and NATS. Just as much of
// each as the benchmark needs, and for each the same: no client library makes a rival slower than it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace hub_bench {

/// All messages have this size, and are valid dumplings.
inline constexpr std::size_t message_bytes = 200;
/// Where in a message the time of its sending stands, in nanoseconds of the steady clock, as so many digits.
inline constexpr std::size_t time_offset = 133;
inline constexpr std::size_t time_digits = 16;

std::uint64_t now_ns();
/// A dumpling of message_bytes.
std::string make_message();
void put_time(char* message, std::uint64_t ns);
std::uint64_t read_time(const char* message);

class Protocol {
 public:
  static std::unique_ptr<Protocol> make(std::string_view name);  ///< "ws", "mqtt", "nats"; else null
  virtual ~Protocol() = default;

  /// A blocking socket on which messages may be sent.
  virtual int connect_sender(std::uint16_t port) = 0;
  /// A socket on which messages arrive; `number` makes its name.
  virtual int connect_receiver(std::uint16_t port, unsigned number) = 0;
  /// Appends a message as it is sent.
  virtual void encode(std::string& out, std::string_view message) = 0;
  /// Looks at the start of received bytes. Returns the size of a whole packet, 0 if it is not whole;
  /// `message` is set if it is one of the benchmark's.
  virtual std::size_t parse(std::string_view bytes, std::string_view& message) const = 0;
  /// What a receiver must say to a whole packet that is no message, as a ping; usually nothing.
  virtual std::string_view answer(std::string_view packet) const = 0;
};

int connect_to(std::uint16_t port);
void send_all(int socket, std::string_view bytes);
/// Receives until the bytes contain `mark`.
std::string receive_until(int socket, std::string_view mark);

}  // namespace hub_bench
