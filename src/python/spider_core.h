// What measurements of all models in Python share.
#pragma once

#include <Python.h>

#include <any>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "dumplings/flow_record_json.h"
#include "python/observer_chains.h"
#include "python/spider_call.h"
#include "python/spider_plugin.h"
#include "python/spider_threads.h"
#include "spiderling/measurement.h"

namespace spiderling::python {

/// The functions of Measurement, over a Run of pathspider/_run.py. Those of them that may wait run in
/// threads of their own. What the plugin raises is thrown as std::runtime_error and told in the log, a few
/// times.
class SpiderCore {
 public:
  explicit SpiderCore(const SpiderPlugin& plugin) : plugin_(plugin), options_(plugin.options) {}

  void add_options(OptionList& list);
  void prepare(const MeasurementRun& run);
  void begin(PostToLoop post);
  void end();

  std::vector<Configuration> runs() const { return runs_; }
  std::size_t most_connections() const;
  bool configures() const { return configures_; }
  bool shows_flows() const { return shows_flows_; }
  const std::vector<const ChainDescription*>& chains() const { return chains_.all; }
  IpProtocol protocol() const { return protocol_; }

  Task<void> configure(std::size_t number);
  Task<std::any> pre_connect(const Job& job);
  Task<ConnectionRecord> connect(Worker& worker);
  Task<void> post_connect(Worker& worker, ConnectionRecord& record);
  std::vector<std::uint8_t> forge(const Job& job, std::size_t seq, const ForgedEnds& ends) const;
  void merge(const Job& job, std::size_t run, const MergedFlow& flow, ConnectionRecord& record) const;
  void combine(const MergedFlows& flows, Conditions& conditions) const;
  void conclude(const Job& job, std::span<ConnectionRecord* const> records, std::string& members) const;

 private:
  void find_chains();
  LockedRef new_job(const Job& job) const;
  std::shared_ptr<SpiderCall> begin_call(Worker& worker);
  static LockedRef forged_record(const ConnectionRecord& record);
  std::string flow_members(const MergedFlow& flow) const;
  std::chrono::milliseconds patience() const;
  std::string what(const std::string& function) const;
  void call_now(const char* function, std::function<void()> called) const;
  void tell(const char* function, const std::string& why) const;

  const SpiderPlugin& plugin_;
  std::vector<SpiderOption> options_;
  MeasurementRun run_options_;
  LockedRef run_;
  std::vector<Configuration> runs_;
  ObserverChains chains_;
  std::optional<ChainSet> chain_set_;
  std::optional<FlowRecordJson> flow_json_;
  bool configures_ = false;
  bool shows_flows_ = false;
  bool merges_ = false;
  bool has_pre_connect_ = false;  // that may wait
  bool has_post_connect_ = false;
  IpProtocol protocol_ = IpProtocol::tcp;

  mutable std::optional<SpiderThreads> threads_;
  std::unordered_map<const Worker*, std::shared_ptr<SpiderCall>> calls_;
  // The job that merge() was told of, for combine(), which is not.
  struct Merged {
    std::string dip;
    std::uint64_t line = 0;
  };
  mutable Merged merged_;
  mutable std::mutex told_mutex_;
  mutable std::set<std::string> told_;
};

}  // namespace spiderling::python
