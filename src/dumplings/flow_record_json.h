// Flow records as lines of JSON, straight from the chains' states.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "flows/chain_set.h"
#include "flows/observer.h"

namespace spiderling {

/// Writes one flow record a line: pkt_first, the fields of the chains in their order, pkt_last. Everything
/// that is the same in every record is prepared once. Immutable; may be used from any thread.
///
///     {"pkt_first":1492539365.719133,"sip":"192.0.2.1",...,"pkt_last":1492539365.891873}
///
/// A flow over which chains have failed has their names behind it: `,"failed_chains":["tcp"]`.
class FlowRecordJson {
 public:
  explicit FlowRecordJson(const ChainSet& chains);

  /// False where a foreign chain has its say: then only append() and append_members() may be called.
  bool is_bounded() const { return !has_foreign_; }
  /// Upper bound of what write() adds, in bytes.
  std::size_t max_record_bytes() const { return max_record_bytes_; }

  /// Writes at `out`, which has room for max_record_bytes(). Returns one past the newline.
  char* write(const FlowRecord& record, char* out) const;

  /// As write(), at the end of a text.
  void append(const FlowRecord& record, std::string& text) const;
  /// The members alone, without braces and newline, at the end of a text: for what has them among others.
  void append_members(const FlowRecord& record, std::string& text) const;

 private:
  struct Step;
  char* write_members(const FlowRecord& record, char* out) const;
  char* write_failed(FailedChains failed, char* out) const;
  char* write_steps(std::span<const Step> steps, const std::uint8_t* states, char* out) const;

  static constexpr std::size_t label_room = 48;
  /// One step: a label, and what follows it.
  struct Step {
    char label[label_room];  ///< `,"name":`, copied whole, so that its length need not be known to memcpy
    std::uint32_t label_length;
    std::uint32_t offset;
    std::uint32_t seen_offset;
    FieldType type;
    bool nullable;
    bool long_label;  ///< does not fit: taken from long_labels_
    std::uint32_t long_label_number;
  };

  /// A run of steps, and the foreign chain that comes behind it.
  struct Stretch {
    std::size_t first_step;
    std::size_t steps;
    PlacedChain foreign;  ///< chain is nullptr behind the last
  };

  std::vector<Step> steps_;
  std::vector<Stretch> stretches_;
  bool has_foreign_ = false;
  std::vector<std::string> long_labels_;
  std::vector<std::string> chain_names_;  // as JSON has them
  std::size_t max_record_bytes_ = 0;
};

/// Seconds since the epoch with up to nine decimals, no more than needed and at least one: exact, as a double
/// is not.
char* write_seconds(Timestamp time, char* out);

/// A JSON Schema (draft 2020-12) of the records that these chains give.
std::string flow_record_schema(const ChainSet& chains);
/// Of that schema, what stands between the braces of "properties".
std::string flow_record_properties(const ChainSet& chains);

}  // namespace spiderling
