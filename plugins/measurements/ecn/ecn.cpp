#include "spiderling/measurement.h"

#include "spiderling/headers/tcp.h"

namespace spiderling {
namespace {

constexpr std::uint64_t handshake_flags = tcp_flag::syn | tcp_flag::ack | tcp_flag::ece | tcp_flag::cwr;
constexpr std::uint64_t asking = tcp_flag::ece | tcp_flag::cwr;
constexpr std::uint64_t granted = tcp_flag::syn | tcp_flag::ack | tcp_flag::ece;
constexpr std::uint64_t reflected = granted | tcp_flag::cwr;

class EcnMeasurement : public SynchronizedMeasurement {
 public:
  static constexpr const char* name = "ecn";
  static constexpr const char* description = "Does the path let Explicit Congestion Notification through?";
  static constexpr const char* version = "1.0.0";
  static constexpr std::array chains{"basic", "tcp", "ecn", "syn"};
  static constexpr std::array connect_supported{ConnectMode::http, ConnectMode::https, ConnectMode::tcp,
                                                ConnectMode::dnstcp};
  static constexpr std::array condition_meanings{
      ConditionMeaning{"ecn.connectivity.works", "A and B connected"},
      ConditionMeaning{"ecn.connectivity.broken", "A connected, B did not"},
      ConditionMeaning{"ecn.connectivity.transient", "B connected, A did not"},
      ConditionMeaning{"ecn.connectivity.offline", "neither did"},
      ConditionMeaning{"ecn.negotiation.succeeded", "B's SYN+ACK carries ECE and no CWR: granted"},
      ConditionMeaning{"ecn.negotiation.reflected",
                       "it carries ECE and CWR: the SYN's flags came back as they were sent"},
      ConditionMeaning{"ecn.negotiation.failed", "it carries neither, or CWR alone"},
      ConditionMeaning{"ecn.ipmark.ect0.seen", "ECT(0) was in a packet from the target in B"},
      ConditionMeaning{"ecn.ipmark.ect0.not_seen", "it was in none"},
      ConditionMeaning{"ecn.ipmark.ect1.seen", "ECT(1) was in a packet from the target in B"},
      ConditionMeaning{"ecn.ipmark.ect1.not_seen", "it was in none"},
      ConditionMeaning{"ecn.ipmark.ce.seen", "CE was in a packet from the target in B"},
      ConditionMeaning{"ecn.ipmark.ce.not_seen", "it was in none"},
      ConditionMeaning{"ecn.fallback.seen",
                       "B's SYN asked for ECN and one sent later did not: nothing else is concluded "
                       "(`--fallback`, or something on this host interferes)"},
      ConditionMeaning{"pathspider.not_observed",
                       "a flow that an answer needs was not seen whole, or not sent as wanted"},
  };

  void options(OptionList& list) override {
    list.flag(
        "fallback", fallback_,
        "Let the kernel send a lost SYN again without ECN, as it does for everyone (ecn.fallback.seen)");
  }

  std::vector<Configuration> configurations() const override {
    Configuration a("ECN not asked for");
    a.socket.ecn = EcnRequest::off;
    a.host.push_back({"net.ipv4.tcp_ecn", "2"});
    Configuration b("ECN asked for");
    b.socket.ecn = fallback_ ? EcnRequest::on_with_fallback : EcnRequest::on;
    b.host.push_back({"net.ipv4.tcp_ecn", "1"});
    b.host.push_back({"net.ipv4.tcp_ecn_fallback", fallback_ ? "1" : "0"});
    return {a, b};
  }

  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    const MergedFlow &a = flows[0], &b = flows[1];
    if (b.is(retreat_)) {
      // Connected or not: what B became of, it became of without ECN.
      conditions.add("ecn.fallback.seen");
      return;
    }
    if (!asked_as_wanted(a, b)) return conditions.not_observed();
    // A retreat may be among what was not seen: then it is not ECN that works.
    if (fallback_ && b.ok() && !b.trusted()) return conditions.not_observed();
    conditions.connectivity("ecn", a.ok(), b.ok());
    if (!b.trusted()) return conditions.not_observed();
    if (!b.ok()) return;
    if (!b[syn_flags_rev_]) return conditions.not_observed();
    conditions.add(std::string("ecn.negotiation.") + negotiation(b[syn_flags_rev_].value));
    mark("ect0", b.is(ect0_syn_) || b.is(ect0_data_), conditions);
    mark("ect1", b.is(ect1_syn_) || b.is(ect1_data_), conditions);
    mark("ce", b.is(ce_syn_) || b.is(ce_data_), conditions);
  }

 private:
  // What was observed must not contradict the configurations. What was not observed cannot.
  bool asked_as_wanted(const MergedFlow& a, const MergedFlow& b) const {
    const auto plain = a[syn_flags_fwd_], ecn = b[syn_flags_fwd_];
    return (!plain || (plain.value & asking) == 0) && (!ecn || (ecn.value & asking) == asking);
  }
  static const char* negotiation(std::uint64_t syn_flags) {
    switch (syn_flags & handshake_flags) {
      case granted: return "succeeded";
      case reflected: return "reflected";
      default: return "failed";
    }
  }
  static void mark(const char* codepoint, bool seen, Conditions& conditions) {
    conditions.add(std::string("ecn.ipmark.") + codepoint + (seen ? ".seen" : ".not_seen"));
  }

  bool fallback_ = false;
  FlowField<std::uint64_t> syn_flags_fwd_{flow_fields_, "tcp_synflags_fwd"};
  FlowField<std::uint64_t> syn_flags_rev_{flow_fields_, "tcp_synflags_rev"};
  FlowField<bool> retreat_{flow_fields_, "syn_ecn_retreat_fwd"};
  FlowField<bool> ect0_syn_{flow_fields_, "ecn_ect0_syn_rev"};
  FlowField<bool> ect0_data_{flow_fields_, "ecn_ect0_data_rev"};
  FlowField<bool> ect1_syn_{flow_fields_, "ecn_ect1_syn_rev"};
  FlowField<bool> ect1_data_{flow_fields_, "ecn_ect1_data_rev"};
  FlowField<bool> ce_syn_{flow_fields_, "ecn_ce_syn_rev"};
  FlowField<bool> ce_data_{flow_fields_, "ecn_ce_data_rev"};
};

}  // namespace
}  // namespace spiderling

SPIDERLING_MEASUREMENT(spiderling::EcnMeasurement)
