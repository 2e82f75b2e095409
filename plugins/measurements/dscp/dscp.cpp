#include <algorithm>
#include <string>
#include <vector>

#include "spiderling/measurement.h"

namespace spiderling {
namespace {

class DscpMeasurement : public SynchronizedMeasurement {
 public:
  static constexpr const char* name = "dscp";
  static constexpr const char* description = "Does the path let differentiated services codepoints through?";
  static constexpr const char* version = "1.0.0";
  static constexpr std::array chains{"basic", "tcp", "dscp"};
  static constexpr std::array connect_supported{ConnectMode::http, ConnectMode::tcp, ConnectMode::dnstcp,
                                                ConnectMode::dnsudp};
  static constexpr std::array condition_meanings{
      ConditionMeaning{"dscp.V.connectivity.works",
                       "A connected, and so did the connection with codepoint V"},
      ConditionMeaning{"dscp.V.connectivity.broken", "A connected, the one with V did not"},
      ConditionMeaning{"dscp.V.connectivity.transient", "the one with V connected, A did not"},
      ConditionMeaning{"dscp.V.connectivity.offline", "neither did"},
      ConditionMeaning{
          "dscp.V.replymark:R",
          "the target's SYN+ACK, or its first datagram, had codepoint R; for A too (`dscp.0.replymark:R`)"},
      ConditionMeaning{"pathspider.not_observed",
                       "a flow that an answer needs was not seen whole, or not sent as wanted"},
  };

  void options(OptionList& list) override {
    list.numbers("codepoint", codepoints_, 0, 63,
                 "What is tried against codepoint 0; may be given several times");
  }

  std::vector<Configuration> configurations() const override {
    std::vector<Configuration> all;
    for (const std::uint8_t codepoint : codepoints()) {
      Configuration& one = all.emplace_back("DSCP " + std::to_string(codepoint));
      one.socket.dscp = codepoint;
    }
    return all;
  }

  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    const std::vector<std::uint8_t> codepoints = this->codepoints();
    const MergedFlow& baseline = flows[0];
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const std::string prefix = "dscp." + std::to_string(codepoints[i]);
      if (!sent_as_wanted(baseline, codepoints[0]) || !sent_as_wanted(flows[i], codepoints[i])) {
        conditions.not_observed();
        continue;
      }
      if (i > 0) conditions.connectivity(prefix, baseline.ok(), flows[i].ok());
      tell_reply_mark(prefix, flows[i], conditions);
    }
  }

 private:
  static constexpr std::uint8_t baseline_codepoint = 0;

  // By configuration; each that was asked for once.
  std::vector<std::uint8_t> codepoints() const {
    std::vector<std::uint8_t> all{baseline_codepoint};
    for (const std::int64_t wanted : codepoints_) {
      const auto codepoint = static_cast<std::uint8_t>(wanted);
      if (std::find(all.begin() + 1, all.end(), codepoint) == all.end()) all.push_back(codepoint);
    }
    return all;
  }

  // What was observed must not contradict the configuration. What was not observed cannot.
  bool sent_as_wanted(const MergedFlow& flow, std::uint8_t codepoint) const {
    const auto syn = flow[syn_fwd_], data = flow[data_fwd_];
    return (!syn || syn.value == codepoint) && (!data || data.value == codepoint);
  }

  void tell_reply_mark(const std::string& prefix, const MergedFlow& flow, Conditions& conditions) const {
    if (!flow.trusted()) return conditions.not_observed();
    const auto mark = flow[syn_rev_] ? flow[syn_rev_] : reply_data(flow);
    if (mark) {
      conditions.add(prefix + ".replymark", mark.value);
    } else if (flow.ok()) {
      conditions.not_observed();
    }
  }
  // Where nobody has answered, the first packet in reverse is an ICMP error, whose mark is a router's.
  Maybe<std::uint64_t> reply_data(const MergedFlow& flow) const {
    return flow.ok() ? flow[data_rev_] : Maybe<std::uint64_t>();
  }

  std::vector<std::int64_t> codepoints_{48};
  FlowField<std::uint64_t> syn_fwd_{flow_fields_, "dscp_mark_syn_fwd"};
  FlowField<std::uint64_t> syn_rev_{flow_fields_, "dscp_mark_syn_rev"};
  FlowField<std::uint64_t> data_fwd_{flow_fields_, "dscp_mark_data_fwd"};
  FlowField<std::uint64_t> data_rev_{flow_fields_, "dscp_mark_data_rev"};
};

}  // namespace
}  // namespace spiderling

SPIDERLING_MEASUREMENT(spiderling::DscpMeasurement)
