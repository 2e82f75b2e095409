// What is known of a run, beside its results.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/error.h"
#include "spiderling/connection.h"

namespace spiderling {

/// What is known when it begins.
struct RunDescription {
  std::vector<std::string> command;
  std::string version;  ///< of the program
  std::string measurement;
  std::string measurement_version;
  boost::json::object options;  ///< the measurement's own
  std::string connect;
  std::string interface;
  std::chrono::milliseconds timeout{};
  std::chrono::milliseconds linger{};
  boost::json::array configurations;  ///< each {"name": ..., ...}
};

/// What is known while it goes on, and when it has ended.
struct RunReport {
  std::string state = "running";  ///< running, done, interrupted, failed
  std::string why;                ///< if failed
  boost::json::object counters;
  boost::json::object pcap;          ///< empty: no packets are kept
  boost::json::value verified = {};  ///< true: the configurations were still in place; or what was not; null
};

/// How well the machine's clock is known to be right.
struct ClockState {
  bool synchronized = false;
  std::int64_t estimated_error_us = 0;
  std::int64_t maximum_error_us = 0;
};
ClockState clock_state();

/// Puts together the metadata of a run: of the whole file of results first, with the members that
/// PATHspider's has, then of each run that had a part in it (one; with each --resume one more). One thread.
class RunMetadata {
 public:
  using Writer = std::function<Result<void>(std::string_view text)>;
  /// `earlier`: what the file says of earlier runs whose results stay; empty: there are none.
  RunMetadata(RunDescription description, const boost::json::object& earlier, Writer writer);

  /// A connection whose job has been written.
  void add(const ConnectionRecord& connection);
  /// Writes the file anew, with all that is known by now.
  Result<void> write(const RunReport& report);

 private:
  boost::json::object this_run(const RunReport& report) const;
  boost::json::object vantage() const;

  const RunDescription description_;
  const Writer writer_;
  boost::json::array runs_before_;
  std::string start_before_;
  std::string end_before_;
  boost::json::object vantage_before_;
  const Timestamp begun_;
  const ClockState clock_at_start_;
  Timestamp from_{};
  Timestamp to_{};
  std::vector<IpAddress> sources_;
};

}  // namespace spiderling
