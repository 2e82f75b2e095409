#include <random>
#include <string>
#include <vector>

#include "spiderling/builder.h"
#include "spiderling/dns_query.h"
#include "spiderling/headers/tcp.h"
#include "spiderling/measurement.h"

namespace spiderling {
namespace {

class EvilBitMeasurement : public ForgeMeasurement {
 public:
  static constexpr const char* name = "evilbit";
  static constexpr const char* description = "Does the path let packets with IPv4's reserved bit through?";
  static constexpr const char* version = "1.0.0";
  static constexpr std::array chains{"basic", "tcp", "evil", "dns"};
  static constexpr std::array connect_supported{ConnectMode::tcpsyn, ConnectMode::dnsudp};
  static constexpr std::array condition_meanings{
      ConditionMeaning{"evilbit.connectivity.works",
                       "both were answered: by a SYN+ACK, or a whole, well-formed response of DNS"},
      ConditionMeaning{"evilbit.connectivity.broken", "only A"},
      ConditionMeaning{"evilbit.connectivity.transient", "only B"},
      ConditionMeaning{"evilbit.connectivity.offline", "neither; a RST or an ICMP error is no answer"},
      ConditionMeaning{"evilbit.mark.seen",
                       "the answer to B has the bit itself; told only where there is an answer"},
      ConditionMeaning{"evilbit.mark.not_seen", "it has not"},
      ConditionMeaning{
          "pathspider.not_observed",
          "no answer was seen where packets may have been missed, or a packet was not sent as wanted"},
      ConditionMeaning{"pathspider.skipped",
                       "IPv6: its header has no such bit. Or the job's domain is no name of DNS"},
  };

  std::vector<Configuration> packets() const override {
    return {Configuration("reserved bit 0"), Configuration("reserved bit 1")};
  }
  IpProtocol protocol(ConnectMode mode) const override {
    return mode == ConnectMode::dnsudp ? IpProtocol::udp : IpProtocol::tcp;
  }

  std::string unsuitable(const Job& job) const override {
    if (job.dip.version == IpVersion::v6) return "IPv6 has no reserved bit (RFC 8200, section 3)";
    // Whatever the mode: a job list is the same for both.
    if (!DnsQuery::make(job.domain, 0)) return "the job's domain is no name of DNS";
    return {};
  }

  std::vector<std::uint8_t> forge(const Job& job, std::size_t seq, const ForgedEnds& ends) const override {
    PacketBuffer<largest> packet;
    packet.ip4({.source = ends.sip, .destination = ends.dip, .reserved_flag = seq == evil});
    if (ends.mode == ConnectMode::dnsudp) {
      const auto query = DnsQuery::make(job.domain, ends.sp);  // an id as hard to guess as the port
      if (!query) return {};
      packet.udp({.source_port = ends.sp, .destination_port = ends.dp}).payload(query->bytes());
    } else {
      add_syn(packet, ends);
    }
    const auto bytes = packet.finish();
    return bytes ? std::vector(bytes->begin(), bytes->end()) : std::vector<std::uint8_t>();
  }

  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    const MergedFlow &a = flows[0], &b = flows[evil];
    if (!sent_as_wanted(a, false) || !sent_as_wanted(b, true)) return conditions.not_observed();
    if (!is_certain(a) || !is_certain(b)) return conditions.not_observed();
    conditions.connectivity("evilbit", answered(a), answered(b));
    if (!answered(b)) return;
    const auto mark = b[syn_rev_] ? b[syn_rev_] : b[data_rev_];
    if (!b.trusted() || !mark) return conditions.not_observed();
    conditions.add(mark.value ? "evilbit.mark.seen" : "evilbit.mark.not_seen");
  }

 private:
  static constexpr std::size_t evil = 1;  // of packets()
  static constexpr std::size_t largest = 20 + 20 + 40 + DnsQuery::max_size;
  static constexpr std::uint16_t usual_mss = 1460;
  static constexpr std::uint64_t accepted = tcp_flag::syn | tcp_flag::ack;

  void add_syn(PacketBuilder& packet, const ForgedEnds& ends) const {
    packet.tcp({.source_port = ends.sp,
                .destination_port = ends.dp,
                .sequence = static_cast<std::uint32_t>(random_()),
                .flags = tcp_flag::syn},
               {tcp_option::mss(usual_mss)});
  }

  // What was observed must not contradict what was forged. What was not observed cannot.
  bool sent_as_wanted(const MergedFlow& flow, bool with_bit) const {
    const auto syn = flow[syn_fwd_], data = flow[data_fwd_];
    return (!syn || syn.value == with_bit) && (!data || data.value == with_bit);
  }
  bool answered(const MergedFlow& flow) const {
    const auto flags = flow[syn_flags_rev_];
    return flow.is(dns_answered_) || (flags && (flags.value & accepted) == accepted);
  }
  // An answer that was seen has come, whatever else was not.
  bool is_certain(const MergedFlow& flow) const { return answered(flow) || flow.trusted(); }

  mutable std::mt19937 random_{std::random_device()()};  // sequence numbers; one thread
  FlowField<std::uint64_t> syn_flags_rev_{flow_fields_, "tcp_synflags_rev"};
  FlowField<bool> dns_answered_{flow_fields_, "dns_response_valid"};
  FlowField<bool> syn_fwd_{flow_fields_, "evilbit_syn_fwd"};
  FlowField<bool> syn_rev_{flow_fields_, "evilbit_syn_rev"};
  FlowField<bool> data_fwd_{flow_fields_, "evilbit_data_fwd"};
  FlowField<bool> data_rev_{flow_fields_, "evilbit_data_rev"};
};

}  // namespace
}  // namespace spiderling

SPIDERLING_MEASUREMENT(spiderling::EvilBitMeasurement)
