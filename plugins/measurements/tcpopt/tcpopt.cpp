#include "spiderling/measurement.h"

namespace spiderling {
namespace {

constexpr const char* timestamps = "tsopt";
constexpr const char* window_scale = "wsopt";
constexpr const char* sack = "sack";

class TcpOptMeasurement : public SynchronizedMeasurement {
 public:
  static constexpr const char* name = "tcpopt";
  static constexpr const char* description =
      "Does the path let the TCP options timestamps, window scale and SACK through?";
  static constexpr const char* version = "1.0.0";
  static constexpr std::array chains{"basic", "tcp", "tcpopt", "syn"};
  static constexpr std::array connect_supported{ConnectMode::http, ConnectMode::https, ConnectMode::tcp,
                                                ConnectMode::dnstcp};
  static constexpr std::array condition_meanings{
      ConditionMeaning{"ASPECT.connectivity.works", "A and B connected"},
      ConditionMeaning{"ASPECT.connectivity.broken", "A connected, B did not"},
      ConditionMeaning{"ASPECT.connectivity.transient", "B connected, A did not"},
      ConditionMeaning{"ASPECT.connectivity.offline", "neither did"},
      ConditionMeaning{"ASPECT.negotiation.succeeded", "B's SYN+ACK carries the option"},
      ConditionMeaning{"ASPECT.negotiation.failed", "it does not"},
      ConditionMeaning{"ASPECT.unsolicited.seen", "A's SYN+ACK carries it, though A did not ask"},
      ConditionMeaning{"ASPECT.unsolicited.not_seen", "it does not"},
      ConditionMeaning{"pathspider.not_observed",
                       "a flow that an answer needs was not seen whole, or not sent as wanted"},
  };

  // A SYN can only lose options that the kernel puts there.
  std::vector<HostSetting> host_settings() const override { return settings({true, true, true}); }

  std::vector<Configuration> configurations() const override {
    return {with("no option", {}), with("timestamps", {.timestamps = true}),
            with("window scale", {.window_scale = true}), with("SACK", {.sack_permitted = true})};
  }

  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    const bool baseline_as_wanted = asked_only_for(flows[0], nullptr);
    tell(timestamps, flows[0], flows[1], timestamps_, baseline_as_wanted, conditions);
    tell(window_scale, flows[0], flows[2], window_scale_, baseline_as_wanted, conditions);
    tell(sack, flows[0], flows[3], sack_, baseline_as_wanted, conditions);
  }

 private:
  /// One option, in our SYNs and in those of the target.
  struct Option {
    FlowField<bool> asked;
    FlowField<bool> answered;
  };

  static std::vector<HostSetting> settings(const SynOptions& wanted) {
    return {{"net.ipv4.tcp_timestamps", wanted.timestamps ? "1" : "0"},
            {"net.ipv4.tcp_window_scaling", wanted.window_scale ? "1" : "0"},
            {"net.ipv4.tcp_sack", wanted.sack_permitted ? "1" : "0"}};
  }
  static Configuration with(const char* configuration_name, const SynOptions& wanted) {
    Configuration one(configuration_name);
    one.socket.syn_options = wanted;
    one.host = settings(wanted);
    return one;
  }

  void tell(const std::string& aspect, const MergedFlow& without, const MergedFlow& with_it,
            const Option& option, bool baseline_as_wanted, Conditions& conditions) const {
    if (!baseline_as_wanted || !asked_only_for(with_it, &option)) return conditions.not_observed();
    conditions.connectivity(aspect, without.ok(), with_it.ok());
    if (tells_options(with_it, conditions))
      conditions.add(aspect +
                     (with_it.is(option.answered) ? ".negotiation.succeeded" : ".negotiation.failed"));
    if (tells_options(without, conditions))
      conditions.add(aspect + (without.is(option.answered) ? ".unsolicited.seen" : ".unsolicited.not_seen"));
  }

  // What was observed must not contradict the configuration. What was not observed cannot.
  bool asked_only_for(const MergedFlow& flow, const Option* wanted) const {
    if (flow.is(options_changed_)) return false;
    for (const Option* one : {&timestamps_, &window_scale_, &sack_}) {
      const auto asked = flow[one->asked];
      if (asked && asked.value != (one == wanted)) return false;
    }
    return true;
  }

  bool tells_options(const MergedFlow& flow, Conditions& conditions) const {
    if (flow.trusted() && flow[syn_flags_rev_]) return flow.ok();
    if (flow.ok() || !flow.trusted()) conditions.not_observed();
    return false;
  }

  FlowField<std::uint64_t> syn_flags_rev_{flow_fields_, "tcp_synflags_rev"};
  FlowField<bool> options_changed_{flow_fields_, "syn_options_changed_fwd"};
  Option timestamps_{{flow_fields_, "syn_ts_fwd"}, {flow_fields_, "tcpopt_ts"}};
  Option window_scale_{{flow_fields_, "syn_ws_fwd"}, {flow_fields_, "tcpopt_ws"}};
  Option sack_{{flow_fields_, "syn_sack_fwd"}, {flow_fields_, "tcpopt_sack"}};
};

}  // namespace
}  // namespace spiderling

SPIDERLING_MEASUREMENT(spiderling::TcpOptMeasurement)
