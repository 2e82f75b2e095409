#include "connect/outcome.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace spiderling {

// Where ICMP messages come from in the list: ip(7), tcp(7), and the kernel's icmp_err_convert[] and
// icmpv6_err_convert().
Outcome outcome_of_errno(int number, std::string_view doing) {
  switch (number) {
    case ECONNREFUSED: return Outcome::failed("connection refused");
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE: return Outcome::failed("connection reset");
    case EHOSTUNREACH:
    case EHOSTDOWN: return Outcome::failed("host unreachable");
    case ENETUNREACH:
    case ENETDOWN:
    case ENONET: return Outcome::failed("network unreachable");
    case ENOPROTOOPT: return Outcome::failed("protocol unreachable");
    case EACCES: return Outcome::failed("administratively prohibited");
    case EPROTO: return Outcome::failed("ICMP: parameter problem");
    case EMSGSIZE: return Outcome::failed("ICMP: packet too big");
    case EOPNOTSUPP: return Outcome::failed("ICMP: source route failed");
    case ETIMEDOUT: return Outcome::timeout("no answer");
    default: break;
  }
  Outcome ours = Outcome::discard(fmt::format("{}: {}", doing, std::strerror(number)));
  ours.port_taken = number == EADDRNOTAVAIL;
  return ours;
}

}  // namespace spiderling
