#include <optional>
#include <string>
#include <vector>

#include "spiderling/builder.h"
#include "spiderling/dns_query.h"
#include "spiderling/measurement.h"

namespace spiderling {
namespace {

class UdpZeroMeasurement : public ForgeMeasurement {
 public:
  static constexpr const char* name = "udpzero";
  static constexpr const char* description = "Does the path let UDP without a checksum through?";
  static constexpr const char* version = "1.0.0";
  static constexpr std::array chains{"basic", "udp", "dns"};
  static constexpr std::array connect_supported{ConnectMode::dnsudp};
  static constexpr std::array condition_meanings{
      ConditionMeaning{"udpzero.connectivity.works", "both were answered by a response of DNS"},
      ConditionMeaning{"udpzero.connectivity.broken", "only A"},
      ConditionMeaning{"udpzero.connectivity.transient", "only B"},
      ConditionMeaning{"udpzero.connectivity.offline", "neither; an ICMP error is no answer"},
      ConditionMeaning{
          "pathspider.not_observed",
          "no answer was seen where packets may have been missed, or a datagram was not sent as wanted"},
      ConditionMeaning{
          "pathspider.skipped",
          "IPv6: a receiver must drop a checksum of zero (RFC 8200, section 8.1), but for the tunnels of RFC "
          "6935 and RFC 6936, which are no servers. Or the job's domain is no name of DNS"},
  };

  std::vector<Configuration> packets() const override {
    return {Configuration("UDP with its checksum"), Configuration("UDP with checksum zero")};
  }
  IpProtocol protocol(ConnectMode) const override { return IpProtocol::udp; }

  std::string unsuitable(const Job& job) const override {
    // The tunnels that RFC 6935 makes an exception for are no servers.
    if (job.dip.version == IpVersion::v6)
      return "IPv6 allows no UDP checksum of zero (RFC 8200, section 8.1)";
    if (!DnsQuery::make(job.domain, 0)) return "the job's domain is no name of DNS";
    return {};
  }

  // The id is as hard to guess as the port, and different for each packet.
  std::vector<std::uint8_t> forge(const Job& job, std::size_t seq, const ForgedEnds& ends) const override {
    const auto query = DnsQuery::make(job.domain, ends.sp);
    if (!query) return {};
    PacketBuffer<largest> packet;
    packet.ip4({.source = ends.sip, .destination = ends.dip})
        .udp({.source_port = ends.sp,
              .destination_port = ends.dp,
              .checksum = seq == zero ? std::optional<std::uint16_t>(0) : std::nullopt})
        .payload(query->bytes());
    const auto bytes = packet.finish();
    return bytes ? std::vector(bytes->begin(), bytes->end()) : std::vector<std::uint8_t>();
  }

  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    const MergedFlow &a = flows[0], &b = flows[zero];
    if (!sent_as_wanted(a, false) || !sent_as_wanted(b, true)) return conditions.not_observed();
    if (!is_certain(a) || !is_certain(b)) return conditions.not_observed();
    conditions.connectivity("udpzero", a.is(answered_), b.is(answered_));
  }

 private:
  static constexpr std::size_t zero = 1;  // of packets()
  static constexpr std::size_t largest = 20 + 8 + DnsQuery::max_size;

  // What was observed must not contradict what was forged. What was not observed cannot.
  bool sent_as_wanted(const MergedFlow& flow, bool without_checksum) const {
    const auto zero_checksum = flow[zero_checksum_fwd_];
    return !zero_checksum || zero_checksum.value == without_checksum;
  }
  // An answer that was seen has come, whatever else was not.
  bool is_certain(const MergedFlow& flow) const { return flow.is(answered_) || flow.trusted(); }

  FlowField<bool> zero_checksum_fwd_{flow_fields_, "udp_zero_checksum_fwd"};
  FlowField<bool> answered_{flow_fields_, "dns_response_valid"};
};

}  // namespace
}  // namespace spiderling

SPIDERLING_MEASUREMENT(spiderling::UdpZeroMeasurement)
