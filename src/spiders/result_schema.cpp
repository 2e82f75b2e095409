#include <string>

#include <fmt/format.h>

#include "spiders/result_json.h"

namespace spiderling {
namespace {

// What a flow result has besides the fields of its chains.
constexpr std::string_view flow_properties =
    R"("spdr_state":{"type":"integer","minimum":0,"maximum":4,"description":"0 ok, 1 failed, 2 timeout, 3 skipped, 4 discard"},)"
    R"("spdr_start":{"type":["string","null"],"description":"when the connection was begun, RFC 3339; null if it never was"},)"
    R"("spdr_stop":{"type":["string","null"],"description":"when it had ended"},)"
    R"("spdr_reason":{"type":"string","description":"why it is not ok"},)"
    R"("config":{"type":"integer","minimum":0,"description":"number of the configuration: 0 is the baseline"},)"
    R"("jobId":{"type":"integer","minimum":0,"description":"line of the job in its list"},)"
    R"("observed":{"type":"boolean","description":"packets of it were seen; without, the chains' fields are not there"},)"
    R"("lossy":{"type":"boolean","description":"the kernel dropped packets while it lasted, or a chain failed over it"})";
constexpr std::string_view source_port =
    R"("sp":{"type":["integer","null"],"minimum":1,"maximum":65535,"description":"source port"})";
constexpr std::string_view flow_required =
    R"(["sp","spdr_state","spdr_start","spdr_stop","config","jobId","observed","lossy"])";

constexpr std::string_view job_properties =
    R"("dip":{"type":["string","null"],"description":"address of the target"},)"
    R"("dp":{"type":["integer","null"],"minimum":1,"maximum":65535,"description":"its port"},)"
    R"("domain":{"type":["string","null"],"description":"its name"},)"
    R"("sip":{"type":["string","null"],"description":"address that the connections came from; null if there were none"},)"
    R"("sip_asn":{"type":"integer","minimum":1,"description":"autonomous system of sip, where it is known"},)"
    R"("dip_asn":{"description":"autonomous system of dip, where it is known, or as the job had it"},)"
    R"("spdr_repeats":{"type":"integer","minimum":1,"description":"how often it was measured until most of the times agreed"},)"
    R"("spdr_attempts":{"type":"integer","minimum":1,"description":"how often the job was asked"},)"
    R"("path":{"type":"array","items":{"type":["string","null"]},"description":"sip, autonomous systems as AS64496 where known, dip"},)"
    R"("time":{"type":"object","description":"of the connections, RFC 3339 in UTC; null if there were none",)"
    R"("properties":{"from":{"type":["string","null"]},"to":{"type":["string","null"]}},)"
    R"("required":["from","to"],"additionalProperties":false},)"
    R"("conditions":{"type":"array","items":{"type":"string"},"description":"what was found: NAME or NAME:VALUE"})";

bool has_source_port(const ChainSet& chains) {
  for (const auto& placed : chains.chains()) {
    for (const Field& field : placed.chain->fields) {
      if (std::string_view(field.name) == "sp") return true;
    }
  }
  return false;
}

std::string flows_schema(const ChainSet& chains) {
  std::string properties = flow_record_properties(chains);
  if (!has_source_port(chains)) {
    properties += ',';
    properties += source_port;
  }
  return fmt::format(
      R"(,"missed_flows":{{"type":"integer","minimum":0,"description":"flows that were expected and not observed"}},)"
      R"("flow_results":{{"type":"array","description":"by configuration; connectors add fields",)"
      R"("items":{{"type":"object","properties":{{{},{}}},"required":{}}}}})",
      properties, flow_properties, flow_required);
}

}  // namespace

std::string result_schema(const ChainSet& chains, bool with_flows) {
  return fmt::format(
      R"({{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"spiderling measurement result",)"
      R"("description":"what the job came with, and what was found","type":"object",)"
      R"("properties":{{{}{}}},"required":["sip","path","time","conditions"{}]}})"
      "\n",
      job_properties, with_flows ? flows_schema(chains) : "",
      with_flows ? R"(,"missed_flows","flow_results")" : "");
}

}  // namespace spiderling
