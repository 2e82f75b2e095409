// Results as `replay` and `metadata` read them. Whatever a line is, it gives a result that holds nothing out
// of bounds, and that differs in nothing from itself, or a reason that may be shown.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "campaign/compare.h"
#include "campaign/recorded_result.h"
#include "campaign/time_text.h"
#include "flows/chain_set.h"
#include "plugins/registry.h"
#include "spiders/result_json.h"

using namespace spiderling;

namespace {

void require(bool right) {
  if (!right) std::abort();
}

ChainSet make_chains() {
  const auto chains = Registry::built_in().chains({"basic", "tcp", "ecn"});
  require(chains.has_value());
  auto set = ChainSet::make(*chains);
  require(set.has_value());
  return std::move(*set);
}

void check_time(std::string_view text) {
  const auto time = parse_time(text);
  if (!time) return;
  std::string written;
  append_rfc3339(*time, written);
  const auto again = parse_time(written);
  require(again.has_value() && *again <= *time && *time - *again < std::chrono::microseconds(1));
}

void check_result(RecordedResult& result) {
  require(result.flows.size() == result.flow_results.size());
  require(result.flows.size() <= ResultReader::most_flows && result.missed_flows <= ResultReader::most_flows);
  for (const RecordedFlow& flow : result.flows) {
    require(flow.connection.state <= ConnectionState::discard);
    for (const auto& field : flow.connection.fields)
      require(field.first != "spdr_state" && field.first != "sip");
  }
  const auto never = [](std::string_view) { require(false); };
  compare_conditions(result.conditions, result.conditions, never);
  compare_flows(result.flow_results, result.flow_results, never);
  boost::json::array more = result.flow_results;
  more.emplace_back(boost::json::object{{"observed", 1}});
  std::size_t differences = 0;
  compare_flows(result.flow_results, more, [&](std::string_view what) {
    ++differences;
    require(!what.empty() && what.find('\n') == std::string_view::npos);
  });
  require(differences == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ChainSet chains = make_chains();
  static ResultReader reader(chains);
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  check_time(line);
  auto result = reader.read(line);
  if (result) {
    check_result(*result);
  } else {
    const std::string& why = result.error().message;
    require(!why.empty() &&
            std::ranges::none_of(why, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }));
  }
  return 0;
}
