#include "spiderling/measurement.h"

namespace spiderling {
namespace {

class H2Measurement : public DesynchronizedMeasurement {
 public:
  static constexpr const char* name = "h2";
  static constexpr const char* description = "Does HTTP/2 reach the target, or does something refuse it?";
  static constexpr const char* version = "1.0.0";
  static constexpr std::array chains{"basic", "tcp"};
  static constexpr std::array connect_supported{ConnectMode::http, ConnectMode::https};
  static constexpr std::array condition_meanings{
      ConditionMeaning{"h2.connectivity.works", "A and B were answered"},
      ConditionMeaning{"h2.connectivity.broken", "A was answered, B was not"},
      ConditionMeaning{"h2.connectivity.transient", "B was answered, A was not"},
      ConditionMeaning{"h2.connectivity.offline", "neither was"},
      ConditionMeaning{"h2.upgrade.success", "B was answered in HTTP/2"},
      ConditionMeaning{"h2.upgrade.failed", "B was answered in HTTP/1.1"},
  };

  void options(OptionList& list) override {
    list.flag("prior-knowledge", prior_knowledge_,
              "With http: begin with HTTP/2 at once, instead of asking for an upgrade");
  }

  std::vector<Configuration> connections() const override {
    Configuration a("HTTP/1.1");
    a.http = HttpVersion::http1;
    Configuration b("HTTP/2");
    b.http = prior_knowledge_ ? HttpVersion::http2_prior_knowledge : HttpVersion::http2;
    return {a, b};
  }

  // Of what was said on the connections, which the worker knows: the packets add nothing.
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    const MergedFlow &a = flows[0], &b = flows[1];
    conditions.connectivity("h2", a.ok(), b.ok());
    if (b.ok()) conditions.add(spoke_http2(b) ? "h2.upgrade.success" : "h2.upgrade.failed");
  }

 private:
  static bool spoke_http2(const MergedFlow& flow) {
    const Payload* const version = flow.connection().find("http_version");
    return version != nullptr && *version == "2";
  }

  bool prior_knowledge_ = false;
};

}  // namespace
}  // namespace spiderling

SPIDERLING_MEASUREMENT(spiderling::H2Measurement)
