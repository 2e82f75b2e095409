// Dumplings as they are made: lines of JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kitchen/dumpling_sink.h"
#include "spiderling/dumpling.h"
#include "spiderling/packet.h"

namespace spiderling {

/// What made a dumpling: a packet, or a poke.
enum class Driver : std::uint8_t { packet, interval };

/// The part of the metadata that is the same in all dumplings of one chef and driver, ready to be copied.
class DumplingLabel {
 public:
  DumplingLabel(std::string_view chef, std::string_view kitchen, Driver driver);

 private:
  friend class DumplingLines;
  std::string before_time_;
  std::string after_time_;
};

/// What may be wrong with a payload.
struct DumplingCounters {
  std::uint64_t made = 0;
  std::uint64_t unwritable = 0;  ///< not made: JSON cannot say it
  std::uint64_t too_large = 0;   ///< not made: longer than a hub takes
};

/// Collects dumplings and hands them to a sink, many at once. One thread.
///
///     {"metadata":{"chef":"ARPChef","kitchen":"k","creation_time":1515990765.925951,"driver":"packet"},"payload":...}
class DumplingLines {
 public:
  /// `sink` outlives this. `max_bytes`: of one dumpling; hubs and WebSocket libraries commonly take up to 1
  /// MiB.
  explicit DumplingLines(DumplingSink& sink, std::size_t max_bytes = std::size_t{1} << 20);

  /// Null: nothing is made. nullptr, or what is wrong with the payload, which is counted and skipped.
  const char* add(const DumplingLabel& label, Timestamp creation_time, const Payload& payload);
  /// A payload that is JSON already, on one line.
  void add_json(const DumplingLabel& label, Timestamp creation_time, std::string_view payload);
  /// Hands on what has come together.
  void flush();
  /// False: the sink wants no more.
  bool wanted() const { return wanted_; }
  const DumplingCounters& counters() const { return counters_; }

 private:
  void open(const DumplingLabel& label, Timestamp creation_time);
  const char* close(std::size_t start);

  DumplingSink& sink_;
  std::size_t max_bytes_;
  std::string lines_;
  std::size_t count_ = 0;
  DumplingCounters counters_;
  bool wanted_ = true;
};

}  // namespace spiderling
