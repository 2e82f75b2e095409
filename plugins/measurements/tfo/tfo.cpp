#include "spiderling/measurement.h"

namespace spiderling {
namespace {

// A SYN+ACK that is sent again (after a second: RFC 6298, section 2) has no cookie where the first had one.
constexpr std::uint64_t sent_again_after = 950'000;  // microseconds

class TfoMeasurement : public DesynchronizedMeasurement {
 public:
  static constexpr const char* name = "tfo";
  static constexpr const char* description = "Does the path let TCP Fast Open through?";
  static constexpr const char* version = "1.0.0";
  static constexpr std::array chains{"basic", "tcp", "tfo", "syn"};
  static constexpr std::array connect_supported{ConnectMode::dnstcp, ConnectMode::tcp, ConnectMode::http,
                                                ConnectMode::https};
  static constexpr std::array condition_meanings{
      ConditionMeaning{"tfo.connectivity.works", "A and C connected"},
      ConditionMeaning{"tfo.connectivity.broken", "A connected, C did not"},
      ConditionMeaning{"tfo.connectivity.transient", "C connected, A did not"},
      ConditionMeaning{"tfo.connectivity.offline", "neither did"},
      ConditionMeaning{"tfo.cookie.received", "the SYN+ACK of B carries a cookie"},
      ConditionMeaning{"tfo.cookie.not_received",
                       "it carries none: C then has no data on its SYN and asks once more"},
      ConditionMeaning{"tfo.syndata.acked", "C's SYN had data, and the SYN+ACK acknowledges all of it"},
      ConditionMeaning{"tfo.syndata.not_acked",
                       "the SYN+ACK acknowledges the SYN alone: the data was sent once more"},
      ConditionMeaning{"tfo.syndata.failed", "C's SYN had data, and no SYN+ACK came"},
      ConditionMeaning{"tfo.fallback.seen",
                       "the SYN of B or C was sent again without the option (something on this host "
                       "interferes): nothing else is concluded"},
      ConditionMeaning{"pathspider.not_observed",
                       "a flow that an answer needs was not seen whole, or not sent as wanted"},
  };

  // The cookie that the last carries is the one that the second got: one after the other.
  bool in_order() const override { return true; }
  std::vector<HostSetting> host_settings() const override {
    return {
        {"net.ipv4.tcp_fastopen", "1",
         true},  // clients may
                 // A kernel that thinks that Fast Open is dropped somewhere stops using it, towards everyone.
        {"net.ipv4.tcp_fastopen_blackhole_timeout_sec", "0"}};
  }

  std::vector<Configuration> connections() const override {
    Configuration plain("without Fast Open"), first("asks for a cookie"), second("data on the SYN");
    first.socket.fast_open = FastOpen::ask;
    second.socket.fast_open = FastOpen::use;
    return {plain, first, second};
  }

  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    const MergedFlow &plain = flows[0], &first = flows[1], &second = flows[2];
    if (has_retreated(first) || has_retreated(second)) {
      // Connected or not: what became of it, became of a SYN without Fast Open.
      conditions.add("tfo.fallback.seen");
      return;
    }
    if (!asked_as_wanted(plain, first, second)) return conditions.not_observed();
    conditions.connectivity("tfo", plain.ok(), second.ok());
    tell_cookie(first, conditions);
    tell_data(second, conditions);
  }

 private:
  bool has_retreated(const MergedFlow& flow) const {
    return flow[asked_] && flow[asked_].value && flow.is(options_changed_);
  }
  // What was observed must not contradict the connections. What was not observed cannot.
  bool asked_as_wanted(const MergedFlow& plain, const MergedFlow& first, const MergedFlow& second) const {
    const auto a = plain[asked_], b = first[asked_], c = second[asked_];
    const bool cookie_was_ours = !b || first[cookie_sent_].value == 0;
    return (!a || !a.value) && (!b || b.value) && (!c || c.value) && cookie_was_ours;
  }

  void tell_cookie(const MergedFlow& first, Conditions& conditions) const {
    if (!first.trusted()) return conditions.not_observed();
    if (first.ok() && !first[syn_flags_rev_]) return conditions.not_observed();
    if (!first[syn_flags_rev_]) return;  // nobody answered what was asked
    if (first[cookie_given_].value > 0) return conditions.add("tfo.cookie.received");
    if (first[answered_after_].value >= sent_again_after) return conditions.not_observed();
    conditions.add("tfo.cookie.not_received");
  }

  void tell_data(const MergedFlow& second, Conditions& conditions) const {
    if (!second.trusted()) return conditions.not_observed();
    const std::uint64_t sent = second[data_length_].value;
    if (sent == 0) return;  // without a cookie there is none
    if (!second[syn_flags_rev_]) {
      if (second.ok()) return conditions.not_observed();
      conditions.add("tfo.syndata.failed");
      return;
    }
    // Sequence numbers are of 32 bits, and begin again at 0.
    const auto acknowledged =
        static_cast<std::uint32_t>(second[acknowledgement_].value - second[sequence_].value - 1);
    if (acknowledged == sent) conditions.add("tfo.syndata.acked");
    if (acknowledged == 0) conditions.add("tfo.syndata.not_acked");
  }

  FlowField<std::uint64_t> syn_flags_rev_{flow_fields_, "tcp_synflags_rev"};
  FlowField<bool> asked_{flow_fields_, "syn_tfo_fwd"};
  FlowField<bool> options_changed_{flow_fields_, "syn_options_changed_fwd"};
  FlowField<std::uint64_t> answered_after_{flow_fields_, "syn_answer_us"};
  FlowField<std::uint64_t> cookie_sent_{flow_fields_, "tfo_synclen"};
  FlowField<std::uint64_t> cookie_given_{flow_fields_, "tfo_ackclen"};
  FlowField<std::uint64_t> sequence_{flow_fields_, "tfo_seq"};
  FlowField<std::uint64_t> data_length_{flow_fields_, "tfo_dlen"};
  FlowField<std::uint64_t> acknowledgement_{flow_fields_, "tfo_ack"};
};

}  // namespace
}  // namespace spiderling

SPIDERLING_MEASUREMENT(spiderling::TfoMeasurement)
