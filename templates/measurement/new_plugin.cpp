// The measurement new_plugin: does the path let packets with a differentiated services codepoint through?
#include <spiderling/measurement.h>

using namespace spiderling;

namespace {

class NewPluginMeasurement : public SynchronizedMeasurement {
 public:
  static constexpr const char* name = "new_plugin";
  static constexpr const char* description = "Does the path let a codepoint (RFC 2474) through?";
  static constexpr const char* version = "0.1.0";
  // The chains that look at its packets, and how it may connect: the first is what it does if nothing is said.
  static constexpr std::array chains{"basic", "tcp", "dscp"};
  static constexpr std::array connect_supported{ConnectMode::http, ConnectMode::https, ConnectMode::tcp};
  static constexpr std::array condition_meanings{
      ConditionMeaning{"new_plugin.connectivity.works", "A and B connected"},
      ConditionMeaning{"new_plugin.connectivity.broken", "A connected, B did not"},
      ConditionMeaning{"new_plugin.connectivity.transient", "B connected, A did not"},
      ConditionMeaning{"new_plugin.connectivity.offline", "neither did"},
      ConditionMeaning{"new_plugin.replymark:V", "B's SYN+ACK came with codepoint V"},
      ConditionMeaning{"pathspider.not_observed", "B's packets were not seen whole"},
  };

  // Its own options, behind its name on the command line.
  void options(OptionList& list) override {
    list.number("codepoint", codepoint_, 1, 63, "What is tried against codepoint 0");
  }

  // A, the baseline, and B, what is tried. Both connect to the target at the same time.
  std::vector<Configuration> configurations() const override {
    Configuration a("codepoint 0"), b("codepoint " + std::to_string(codepoint_));
    a.socket.dscp = 0;
    b.socket.dscp = static_cast<std::uint8_t>(codepoint_);
    return {a, b};
  }

  // What the two flows say about the path.
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    const MergedFlow &a = flows[0], &b = flows[1];
    conditions.connectivity("new_plugin", a.ok(), b.ok());
    if (!b.trusted()) return conditions.not_observed();
    if (const auto mark = b[reply_mark_]; b.ok() && mark) conditions.add("new_plugin.replymark", mark.value);
  }

 private:
  std::int64_t codepoint_ = 46;
  // A field of the flow record, by its name: one of the chains above must have it.
  FlowField<std::uint64_t> reply_mark_{flow_fields_, "dscp_mark_syn_rev"};
};

}  // namespace

SPIDERLING_MEASUREMENT(NewPluginMeasurement)
