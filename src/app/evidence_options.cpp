#include "app/evidence_options.h"

#include <CLI/CLI.hpp>

namespace spiderling::app {

void add_evidence_options(CLI::App& cli, EvidenceOptions& o) {
  auto* evidence = cli.add_option_group("Evidence");
  auto* pcap =
      evidence
          ->add_option(
              "--pcap", o.pcap,
              "Keep the packets of all connections, for `spiderling replay`: .pcap or .pcapng, each also "
              ".zst; implies --output-flows")
          ->type_name("FILE");
  evidence
      ->add_option("--pcap-size", o.pcap_mib,
                   "What is beyond this size goes to another file: NAME.pcap, NAME-00001.pcap, ...")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 24))
      ->needs(pcap)
      ->capture_default_str()
      ->type_name("MIB");
  evidence
      ->add_option(
          "--pcap-snap", o.pcap_snap,
          "Keep only so many bytes of a packet (all that were captured, 2048 at most); replay then cannot "
          "see what lay behind them")
      ->check(CLI::Range(64u, 262'144u))
      ->needs(pcap)
      ->type_name("BYTES");
  evidence
      ->add_option("--metadata", o.metadata,
                   "What is known of the run: command, host, clock, counters (beside the results, as "
                   "FILE.meta.json, if they go to a file)")
      ->type_name("FILE");
  evidence->add_flag("--schema", o.schema, "Print the JSON Schema of the results, and do nothing else");
}

}  // namespace spiderling::app
