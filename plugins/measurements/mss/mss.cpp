#include "spiderling/measurement.h"

namespace spiderling {
namespace {

class MssMeasurement : public SingleMeasurement {
 public:
  static constexpr const char* name = "mss";
  static constexpr const char* description = "Which maximum segment size does the target announce?";
  static constexpr const char* version = "1.0.0";
  static constexpr std::array chains{"basic", "tcp", "mss"};
  static constexpr std::array connect_supported{ConnectMode::tcp, ConnectMode::http, ConnectMode::https,
                                                ConnectMode::dnstcp};
  static constexpr std::array condition_meanings{
      ConditionMeaning{"mss.connectivity.online", "the target connected"},
      ConditionMeaning{"mss.connectivity.offline", "it did not"},
      ConditionMeaning{"mss.option.local.value:N", "our SYN announced N"},
      ConditionMeaning{"mss.option.remote.value:N", "the SYN+ACK announced N"},
      ConditionMeaning{"mss.option.received.deflated", "it announced less than we did"},
      ConditionMeaning{"mss.option.received.unchanged", "as much"},
      ConditionMeaning{"mss.option.received.inflated", "more"},
      ConditionMeaning{"mss.option.received.absent", "nothing"},
      ConditionMeaning{"pathspider.not_observed", "the handshake was not seen whole"},
  };

  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    const MergedFlow& only = flows[0];
    conditions.connectivity("mss", only.ok());
    if (!only.trusted()) return conditions.not_observed();
    const bool answered = only[syn_flags_rev_].seen;
    if (!answered && !only.ok()) return;  // an offline target announces nothing
    const auto local = only[local_];
    if (!answered || !local) return conditions.not_observed();
    conditions.add("mss.option.local.value", local.value);
    const auto remote = only[remote_];
    if (remote) conditions.add("mss.option.remote.value", remote.value);
    conditions.add(std::string("mss.option.received.") + compared(local, remote));
  }

 private:
  static const char* compared(const Maybe<std::uint64_t>& local, const Maybe<std::uint64_t>& remote) {
    if (!remote) return "absent";
    if (remote.value == local.value) return "unchanged";
    return remote.value < local.value ? "deflated" : "inflated";
  }

  FlowField<std::uint64_t> syn_flags_rev_{flow_fields_, "tcp_synflags_rev"};
  FlowField<std::uint64_t> local_{flow_fields_, "mss_value_fwd"};
  FlowField<std::uint64_t> remote_{flow_fields_, "mss_value_rev"};
};

}  // namespace
}  // namespace spiderling

SPIDERLING_MEASUREMENT(spiderling::MssMeasurement)
