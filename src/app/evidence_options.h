// Options of `spiderling measure` about what it keeps besides its results.
#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace spiderling::app {

struct EvidenceOptions {
  std::string pcap;  ///< empty: packets are not kept
  std::uint64_t pcap_mib = 1000;
  std::uint32_t pcap_snap = 0;  ///< 0: whole packets, as captured
  std::string metadata;         ///< empty: beside the results, if they go to a file
  bool schema = false;          ///< only say what results look like
};

void add_evidence_options(CLI::App& cli, EvidenceOptions& o);

}  // namespace spiderling::app
