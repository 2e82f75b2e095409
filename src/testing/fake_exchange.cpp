#include "testing/fake_exchange.h"

#include <algorithm>
#include <array>
#include <memory>

namespace spiderling::testing {
namespace {

constexpr int tries = 3;  // of what is lost: the first, and two that are sent again
constexpr std::uint16_t usual_mss = 1460;
constexpr std::array<std::uint8_t, 8> cookie{0x5d, 0x1e, 0x42, 0x07, 0x99, 0x10, 0xab, 0x33};

constexpr std::uint8_t both(std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(a | b); }

PacketBytes finished(PacketBuilder& packet) {
  const auto bytes = packet.finish();
  if (!bytes) throw std::logic_error(describe(bytes.error()));
  return {bytes->begin(), bytes->end()};
}

struct Ends {
  IpAddress source, destination;
  std::uint8_t dscp = 0;
  Ecn ecn = Ecn::not_ect;
};
PacketBuilder& add_ip(PacketBuilder& packet, const Ends& ends) {
  if (ends.source.version == IpVersion::v4) {
    return packet.ip4({.source = ends.source,
                       .destination = ends.destination,
                       .dscp = ends.dscp,
                       .ecn = ends.ecn,
                       .identification = 7,
                       .dont_fragment = true});
  }
  return packet.ip6(
      {.source = ends.source, .destination = ends.destination, .dscp = ends.dscp, .ecn = ends.ecn});
}

using Buffer = PacketBuffer<66'000>;

// What a target says to a datagram: see FakeTarget::says.
std::string reply(const FakeTarget& target, const Packet& asked) {
  const std::string said(asked.payload().begin(), asked.payload().end());
  if (target.says) return target.says(said);
  const auto dns = asked.dns();
  return dns && !dns->is_response() ? dns_answer(said) : said;
}

}  // namespace

std::string dns_answer(std::string_view question) {
  std::string answer(question);
  answer[2] = static_cast<char>(static_cast<unsigned char>(answer[2]) | 0x80);  // QR: RFC 1035, section 4.1.1
  return answer;
}

PacketBytes FakeExchange::made(bool ours, const Segment& segment) const {
  const auto buffer = std::make_unique<Buffer>();
  const bool data = !segment.payload.empty() && (segment.flags & tcp_flag::syn) == 0;
  const std::uint8_t dscp = ours ? setup_.dscp.value_or(0) : target_.dscp;
  add_ip(*buffer,
         {ours ? flow_.sip : flow_.dip, ours ? flow_.dip : flow_.sip, dscp, data ? mark() : Ecn::not_ect});
  buffer->tcp(
      {.source_port = ours ? flow_.sp : flow_.dp,
       .destination_port = ours ? flow_.dp : flow_.sp,
       .sequence = ours ? our_sequence_ : their_sequence_,
       .acknowledgement = (segment.flags & tcp_flag::ack) != 0 ? (ours ? their_sequence_ : our_sequence_) : 0,
       .flags = segment.flags},
      {segment.options});
  return finished(buffer->payload(segment.payload));
}

PacketBytes FakeExchange::datagram(bool ours, std::string_view words) const {
  const auto buffer = std::make_unique<Buffer>();
  add_ip(*buffer, {ours ? flow_.sip : flow_.dip, ours ? flow_.dip : flow_.sip,
                   ours ? setup_.dscp.value_or(0) : target_.dscp});
  buffer->udp({.source_port = ours ? flow_.sp : flow_.dp, .destination_port = ours ? flow_.dp : flow_.sp});
  return finished(buffer->payload(words));
}

// From the target itself, or from a router on the path.
PacketBytes FakeExchange::unreachable(const PacketBytes& about, bool port) const {
  PacketBuffer<1400> packet;
  const bool v4 = flow_.dip.version == IpVersion::v4;
  const IpAddress router = *IpAddress::parse(v4 ? "203.0.113.1" : "2001:db8:1::1");
  add_ip(packet, {port ? flow_.dip : router, flow_.sip});
  if (v4)
    packet.icmp4(
        {.type = icmp4_type::destination_unreachable, .code = static_cast<std::uint8_t>(port ? 3 : 1)});
  if (!v4)
    packet.icmp6(
        {.type = icmp6_type::destination_unreachable, .code = static_cast<std::uint8_t>(port ? 4 : 0)});
  return finished(packet.quote(about));
}

// A packet of ours leaves: the observer sees it as it is; what arrives is what the path has left of it.
std::optional<PacketBytes> FakeExchange::send(const PacketBytes& packet) {
  packets_.add(packet, LinkType::raw_ip);
  return carry(target_, packet);
}

// One of the target's: the observer sees what arrives.
bool FakeExchange::receive(PacketBytes packet) {
  const auto arrived = carry(target_, std::move(packet));
  if (!arrived) return false;
  packets_.add(*arrived, LinkType::raw_ip);
  answered_ = true;
  return true;
}

// What a target that does not accept makes of a packet that has come.
Ending FakeExchange::deny(const PacketBytes& arrived) {
  const Ending timeout{ConnectionState::timeout, "no answer in time"};
  if (target_.answer == Answer::silent) return timeout;
  if (target_.answer == Answer::unreachable) {
    if (!receive(unreachable(arrived, false))) return timeout;
    return {ConnectionState::failed, "No route to host"};
  }
  const bool udp = layers_of(arrived).udp().has_value();
  const PacketBytes no = udp ? unreachable(arrived, true) : made(false, {both(tcp_flag::rst, tcp_flag::ack)});
  if (!receive(no)) return timeout;
  return {ConnectionState::failed, "Connection refused"};
}

// In the order of Linux. `data` stays if the SYN may carry it.
OptionBytes FakeExchange::syn_options(std::string_view& data) const {
  OptionBytes all;
  const auto add = [&](const OptionBytes& one) { all.append(one.bytes()); };
  const SynOptions wanted = setup_.syn_options.value_or(SynOptions{true, true, true});
  add(tcp_option::mss(std::min(setup_.mss.value_or(usual_mss), usual_mss)));
  if (wanted.sack_permitted) add(tcp_option::sack_permitted());
  if (wanted.timestamps) add(tcp_option::timestamps(1, 0));
  if (wanted.window_scale) add(tcp_option::window_scale(7));
  const bool with_cookie = setup_.fast_open == FastOpen::use && cookie_kept_;
  if (setup_.fast_open != FastOpen::unused)
    add(with_cookie ? tcp_option::fast_open(cookie) : tcp_option::fast_open());
  if (!with_cookie) data = {};
  return all;
}

// From what the path has left of the SYN.
PacketBytes FakeExchange::syn_ack(const Packet& syn) {
  const TcpOptions asked = syn.tcp()->options();
  OptionBytes all;
  const auto add = [&](const OptionBytes& one) { all.append(one.bytes()); };
  if (target_.mss != 0) add(tcp_option::mss(target_.mss));
  if (target_.sack_permitted && asked.find(TcpOptionKind::sack_permitted)) add(tcp_option::sack_permitted());
  if (target_.timestamps && asked.find(TcpOptionKind::timestamps)) add(tcp_option::timestamps(1, 1));
  if (target_.window_scale && asked.find(TcpOptionKind::window_scale)) add(tcp_option::window_scale(7));
  const auto fast_open = asked.find(TcpOptionKind::fast_open);
  if (target_.fast_open && fast_open && fast_open->data.empty()) add(tcp_option::fast_open(cookie));
  const bool takes_data = target_.fast_open && fast_open && !fast_open->data.empty();
  said_in_syn_ = takes_data ? syn.payload().size() : 0;
  our_sequence_ = syn.tcp()->sequence() + 1 + static_cast<std::uint32_t>(said_in_syn_);
  const bool ecn = target_.ecn && syn.tcp()->has(both(tcp_flag::ece, tcp_flag::cwr));
  const std::uint8_t flags = both(tcp_flag::syn, tcp_flag::ack);
  return made(false, {ecn ? both(flags, tcp_flag::ece) : flags, all});
}

bool FakeExchange::take_syn_ack(const Packet& answer, std::size_t data) {
  const auto tcp = answer.tcp();
  if (!tcp || !tcp->has(both(tcp_flag::syn, tcp_flag::ack))) return false;
  const auto given = tcp->options().find(TcpOptionKind::fast_open);
  if (given && given->data.size() >= 4) cookie_kept_ = true;
  said_in_syn_ = std::min<std::size_t>(data, said_in_syn_);
  return true;
}

Ending FakeExchange::open(std::string_view first) {
  const bool asks = setup_.ecn == EcnRequest::on || setup_.ecn == EcnRequest::on_with_fallback;
  const std::uint32_t begin = our_sequence_;
  if (setup_.fast_open == FastOpen::ask) cookie_kept_ = false;
  const OptionBytes options = syn_options(first);
  const int syns = setup_.fast_open == FastOpen::unused ? tries : 1;
  for (int i = 0; i < syns; ++i) {
    our_sequence_ = begin;
    const bool ecn = asks && (i == 0 || setup_.ecn == EcnRequest::on);
    const std::uint8_t flags = ecn ? both(tcp_flag::syn, both(tcp_flag::ece, tcp_flag::cwr)) : tcp_flag::syn;
    const auto arrived = send(made(true, {flags, options, first}));
    if (!arrived) continue;
    our_sequence_ = begin + 1;
    if (target_.answer != Answer::accepts) {
      Ending denied = deny(*arrived);
      if (denied.state != ConnectionState::timeout) return denied;
      continue;
    }
    if (!receive(syn_ack(layers_of(*arrived)))) continue;
    const Packet answer = packets_[packets_.size() - 1];
    if (!take_syn_ack(answer, first.size())) return {ConnectionState::timeout, "no answer in time"};
    ++their_sequence_;
    ecn_ = ecn && answer.tcp()->has(tcp_flag::ece) && !answer.tcp()->has(tcp_flag::cwr);
    send(made(true, {tcp_flag::ack}));
    stands_ = true;
    return {};
  }
  return {ConnectionState::timeout, "no answer in time"};
}

Ending FakeExchange::say(std::string_view words, const std::string& answer) {
  const Ending timeout{ConnectionState::timeout, "no answer in time"};
  if (!stands_) return {ConnectionState::failed, "there is no connection"};
  constexpr std::uint8_t push = both(tcp_flag::psh, tcp_flag::ack);
  words.remove_prefix(std::min(std::exchange(said_in_syn_, 0u), words.size()));
  bool there = words.empty();
  for (int i = 0; i < tries && !there; ++i) there = send(made(true, {push, {}, words})).has_value();
  if (!there) return timeout;
  our_sequence_ += static_cast<std::uint32_t>(words.size());
  bool heard = answer.empty();
  for (int i = 0; i < tries && !heard; ++i) heard = receive(made(false, {push, {}, answer}));
  if (!heard) return timeout;
  their_sequence_ += static_cast<std::uint32_t>(answer.size());
  if (!answer.empty()) send(made(true, {tcp_flag::ack}));
  heard_ += answer;
  return {};
}

Ending FakeExchange::ask(std::string_view words, const std::string& answer) {
  const auto arrived = send(datagram(true, words));
  if (!arrived) return {ConnectionState::timeout, "no answer in time"};
  if (target_.answer != Answer::accepts) return deny(*arrived);
  if (!receive(datagram(false, answer))) return {ConnectionState::timeout, "no answer in time"};
  heard_ = answer;
  return {};
}

// However it is answered: it was sent, and the rest is for the chains to see.
Ending FakeExchange::forged(PacketBytes packet) {
  const auto arrived = send(packet);
  if (!arrived) return {};
  const Packet asked = layers_of(*arrived);
  if (target_.answer != Answer::accepts) {
    if (const auto tcp = asked.tcp()) our_sequence_ = tcp->sequence() + (tcp->has(tcp_flag::syn) ? 1 : 0);
    deny(*arrived);
    return {};
  }
  if (const auto tcp = asked.tcp()) {
    if (tcp->has(tcp_flag::syn)) {
      receive(syn_ack(asked));
    } else {
      receive(made(false, {both(tcp_flag::rst, tcp_flag::ack)}));
    }
  } else if (asked.udp()) {
    receive(datagram(false, reply(target_, asked)));
  }
  return {};
}

void FakeExchange::close() {
  if (!std::exchange(stands_, false)) return;
  constexpr std::uint8_t end = both(tcp_flag::fin, tcp_flag::ack);
  if (!send(made(true, {end}))) return;
  ++our_sequence_;
  if (!receive(made(false, {end}))) return;
  ++their_sequence_;
  send(made(true, {tcp_flag::ack}));
}

}  // namespace spiderling::testing
