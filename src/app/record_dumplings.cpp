#include "app/record_dumplings.h"

namespace spiderling::app {

RecordDumplings::RecordDumplings(HubDeliveryOptions options, std::string_view chef, std::string_view kitchen)
    : hub_(std::move(options)), lines_(hub_), label_(chef, kitchen, Driver::packet) {}

bool RecordDumplings::write(std::string_view records) {
  const Timestamp now = std::chrono::system_clock::now();
  while (!records.empty()) {
    const std::size_t end = records.find('\n');
    lines_.add_json(label_, now, records.substr(0, end));
    records.remove_prefix(end == std::string_view::npos ? records.size() : end + 1);
  }
  lines_.flush();
  return true;
}

HubDeliveryCounters RecordDumplings::finish() {
  constexpr std::chrono::seconds deadline(5);
  hub_.finish(deadline);
  return hub_.counters();
}

}  // namespace spiderling::app
