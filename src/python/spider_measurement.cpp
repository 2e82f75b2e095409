#include "python/spider_measurement.h"

#include "python/spider_core.h"

namespace spiderling::python {

namespace {

// Over both bases, what is the same.
template <class Base>
class SpiderMeasurement : public Base {
 public:
  explicit SpiderMeasurement(const SpiderPlugin& plugin) : core_(plugin) {}

  void options(OptionList& list) override { core_.add_options(list); }
  void prepare(const MeasurementRun& run) override { core_.prepare(run); }
  void begin(PostToLoop post) override { core_.begin(std::move(post)); }
  void end() override { core_.end(); }
  std::size_t most_connections() const override { return core_.most_connections(); }
  bool shows_flows() const override { return core_.shows_flows(); }
  std::vector<const ChainDescription*> own_chains() const override { return core_.chains(); }
  bool configures() const override { return core_.configures(); }
  Task<void> configure(std::size_t configuration) override { return core_.configure(configuration); }
  // What one connection leaves in the job, the next may read.
  bool in_order() const override { return true; }
  std::string unsuitable(const Job& job) const override {
    return job.dip.version == IpVersion::none ? "the job names no address" : "";
  }
  Task<std::any> pre_connect(const Job& job) override { return core_.pre_connect(job); }
  Task<ConnectionRecord> connect(Worker& worker) override { return core_.connect(worker); }
  Task<void> post_connect(Worker& worker, ConnectionRecord& record) override {
    return core_.post_connect(worker, record);
  }
  void merge(const Job& job, std::size_t run, const MergedFlow& flow,
             ConnectionRecord& record) const override {
    core_.merge(job, run, flow, record);
  }
  void combine(const MergedFlows& flows, Conditions& conditions) const override {
    core_.combine(flows, conditions);
  }
  void conclude(const Job& job, std::span<ConnectionRecord* const> records,
                std::string& members) const override {
    core_.conclude(job, records, members);
  }

 protected:
  SpiderCore core_;
};

class ConnectingSpider final : public SpiderMeasurement<Measurement> {
 public:
  using SpiderMeasurement::SpiderMeasurement;
  std::vector<Configuration> runs() const override { return core_.runs(); }
};

class ForgingSpider final : public SpiderMeasurement<ForgeMeasurement> {
 public:
  using SpiderMeasurement::SpiderMeasurement;
  std::vector<Configuration> packets() const override { return core_.runs(); }
  IpProtocol protocol(ConnectMode /*mode*/) const override { return core_.protocol(); }
  std::vector<std::uint8_t> forge(const Job& job, std::size_t seq, const ForgedEnds& ends) const override {
    return core_.forge(job, seq, ends);
  }
};

}  // namespace

std::unique_ptr<Measurement> make_spider_measurement(const SpiderPlugin& plugin) {
  if (plugin.forges) return std::make_unique<ForgingSpider>(plugin);
  return std::make_unique<ConnectingSpider>(plugin);
}

}  // namespace spiderling::python
