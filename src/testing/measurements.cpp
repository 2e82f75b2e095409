#include "spiderling/testing/measurements.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include "spiders/await_task.h"
#include "spiders/combiner.h"
#include "spiders/result_json.h"
#include "testing/fake_run.h"
#include "testing/finder.h"

namespace spiderling::testing {
namespace {

ChainSet chains_of(const MeasurementDescription& description, const Measurement& measurement,
                   PluginList own) {
  std::vector<const ChainDescription*> found;
  for (const char* name : description.chains) found.push_back(&find_chain(name, own));
  for (const ChainDescription* chain : measurement.own_chains()) found.push_back(chain);
  auto chains = ChainSet::make(found);
  if (!chains) throw std::invalid_argument(chains.error().message);
  return std::move(*chains);
}

std::vector<std::string> texts_of(const std::vector<Condition>& conditions) {
  std::vector<std::string> texts;
  for (const Condition& one : conditions) texts.push_back(one.to_string());
  return texts;
}

std::int64_t number(const OptionList::Option& option, std::string_view word) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (problem != std::errc() || end != word.data() + word.size() || value < option.least ||
      value > option.most) {
    throw std::invalid_argument(
        fmt::format("--{}: '{}' is no number from {} to {}", option.name, word, option.least, option.most));
  }
  return value;
}

// Words of the command line, from `at` on, up to the next option or the list's end.
void take_texts(const OptionList::Option& option, const std::vector<std::string>& words, std::size_t& at,
                std::vector<std::string>& into) {
  const std::size_t most = option.values == 0 ? words.size() : static_cast<std::size_t>(option.values);
  std::size_t taken = 0;
  for (; taken < most && at < words.size(); ++taken, ++at) {
    if (option.values == 0 && words[at].starts_with("--")) break;
    into.push_back(words[at]);
  }
  if (taken < static_cast<std::size_t>(option.values))
    throw std::invalid_argument(fmt::format("--{} needs {} values", option.name, option.values));
}

bool is_called(const OptionList::Option& option, const std::string& word) {
  if (word == "--" + option.name) return true;
  const std::string also = "," + option.also + ",";
  return also.find("," + word + ",") != also.npos;
}

class ListOfJobs final : public JobFeed {
 public:
  explicit ListOfJobs(std::vector<Job> jobs) : jobs_(std::move(jobs)) {}
  State next(Job& job) override {
    if (next_ == jobs_.size()) return State::ended;
    job = std::move(jobs_[next_++]);
    return State::job;
  }

 private:
  std::vector<Job> jobs_;
  std::size_t next_ = 0;
};

class KnownNames final : public Resolver {
 public:
  explicit KnownNames(const FakeNames& names) : names_(names) {}
  Task<ResolvedName> resolve(std::string name) override {
    const auto known = names_.find(name);
    ResolvedName none;
    none.state = NameState::no_such_name;
    co_return known == names_.end() ? none : known->second;
  }

 private:
  const FakeNames& names_;
};

}  // namespace

bool TargetResult::has(std::string_view condition) const {
  return std::ranges::find(conditions, condition) != conditions.end();
}

struct MeasurementTest::State {
  State(const MeasurementDescription& what, PluginList own)
      : description(what),
        own_list(own),
        measurement(what.create()),
        chains(chains_of(what, *measurement, own)) {
    if (const auto bound = bind_flow_fields(*measurement, chains); !bound)
      throw std::invalid_argument(bound.error().message);
  }

  TargetResult result_of(MergedJob& job) const {
    merge(*measurement, job);
    const auto conditions = combine(*measurement, job);
    conclude(*measurement, job);
    TargetResult result{texts_of(conditions), {}, {}};
    std::vector<FlowResult> flows;
    for (const JobConnection& one : job.connections) {
      result.connections.push_back(one.record);
      flows.push_back({&one.record, one.flow.states.get(), one.flow.first, one.flow.last, one.flow.lossy});
    }
    std::string line;
    ResultJson(chains, true)
        .append({.job = job.job,
                 .conditions = conditions,
                 .flows = flows,
                 .missed_flows = job.missed_flows(),
                 .members = job.members},
                line);
    result.json = boost::json::parse(line);
    return result;
  }

  EnginePlan plan(const FakeRunOptions& options) const {
    EnginePlan plan{.measurement = *measurement,
                    .has_own_connect = description.has_own_connect,
                    .configurations = {},
                    .marks = {},
                    .epochs = nullptr,
                    .options = {}};
    plan.options.attempts = options.attempts;
    plan.options.timeout = options.timeout;
    const auto supported = description.connect_supported;
    if (!supported.empty()) plan.options.mode = supported.front();
    if (options.mode) plan.options.mode = *options.mode;
    plan.options.interleave = measurement->in_order() ? Interleave::in_order : Interleave::together;
    if (!supported.empty() && std::ranges::find(supported, plan.options.mode) == supported.end()) {
      throw std::invalid_argument(
          fmt::format("measurement {} does not connect as {}", description.name, name_of(plan.options.mode)));
    }
    return plan;
  }

  /// Before jobs, or what stands for them: some measurements know their chains only now.
  void prepare(EnginePlan& plan, const std::vector<SocketSetup>& setups) {
    MeasurementRun what;
    what.mode = plan.options.mode;
    what.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(plan.options.timeout);
    what.workers = plan.options.workers;
    measurement->prepare(what);
    prepared = true;
    if (!measurement->own_chains().empty()) chains = chains_of(description, *measurement, own_list);
    plan.configurations = measurement->runs();
    plan.marks.resize(plan.configurations.size());
    if (setups.empty()) return;
    if (setups.size() != plan.configurations.size()) {
      throw std::invalid_argument(fmt::format("measurement {} makes {} connections, {} sockets are set up",
                                              description.name, plan.configurations.size(), setups.size()));
    }
    for (std::size_t i = 0; i < setups.size(); ++i) plan.configurations[i].socket = setups[i];
  }

  const MeasurementDescription& description;
  const PluginList own_list;
  const std::unique_ptr<Measurement> measurement;
  ChainSet chains;
  bool prepared = false;
};

MeasurementTest::MeasurementTest(std::string_view name, PluginList own)
    : state_(std::make_unique<State>(find_measurement(name, own), own)) {}
MeasurementTest::MeasurementTest(const MeasurementDescription& description, PluginList own)
    : state_(std::make_unique<State>(description, own)) {}
MeasurementTest::MeasurementTest(MeasurementTest&&) noexcept = default;
MeasurementTest::~MeasurementTest() = default;

MeasurementTest& MeasurementTest::options(const std::vector<std::string>& words) {
  OptionList list;
  state_->measurement->options(list);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto option =
        std::ranges::find_if(list.options(), [&](const auto& o) { return is_called(o, words[i]); });
    if (option == list.options().end())
      throw std::invalid_argument(
          fmt::format("measurement {} has no option {}", state_->description.name, words[i]));
    if (bool* const* flag = std::get_if<bool*>(&option->target)) {
      **flag = true;
      continue;
    }
    if (auto* const* texts = std::get_if<std::vector<std::string>*>(&option->target)) {
      take_texts(*option, words, ++i, **texts);
      --i;
      continue;
    }
    if (++i == words.size()) throw std::invalid_argument(fmt::format("--{} needs a value", option->name));
    if (std::string* const* text = std::get_if<std::string*>(&option->target)) **text = words[i];
    if (std::int64_t* const* one = std::get_if<std::int64_t*>(&option->target))
      **one = number(*option, words[i]);
    if (auto* const* several = std::get_if<std::vector<std::int64_t>*>(&option->target))
      (*several)->push_back(number(*option, words[i]));
  }
  return *this;
}

const MeasurementDescription& MeasurementTest::description() const { return state_->description; }
Measurement& MeasurementTest::measurement() { return *state_->measurement; }
std::vector<Configuration> MeasurementTest::configurations() const { return state_->measurement->runs(); }

std::vector<std::string> MeasurementTest::conditions(const std::vector<ToldConnection>& connections) const {
  if (EnginePlan plan = state_->plan({}); !state_->prepared) state_->prepare(plan, {});
  const std::size_t expected = configurations().size();
  if (connections.size() != expected) {
    throw std::invalid_argument(fmt::format("measurement {} makes {} connections, {} are told of",
                                            state_->description.name, expected, connections.size()));
  }
  MergedJob job;
  for (const ToldConnection& told : connections) {
    JobConnection one;
    one.attempted = true;
    one.record.state = told.state;
    one.record.fields = told.fields;
    one.flow = observe(state_->chains, told.packets);
    one.flow.lossy = told.lossy;
    job.connections.push_back(std::move(one));
  }
  merge(*state_->measurement, job);
  return texts_of(combine(*state_->measurement, job));
}

std::map<std::string, TargetResult, std::less<>> MeasurementTest::run(const FakeNetwork& network,
                                                                      const FakeRunOptions& options) {
  if (state_->measurement->expander() != nullptr) {
    throw std::invalid_argument(
        fmt::format("measurement {} connects to nothing: use expand()", state_->description.name));
  }
  TargetsByLine targets;
  for (const auto& [name, target] : network) targets.emplace_back(name, &target);
  EnginePlan plan = state_->plan(options);
  state_->prepare(plan, options.setups);
  Measurement& measurement = *state_->measurement;
  asio::io_context loop{1};
  measurement.begin([&loop](std::function<void()> function) { asio::post(loop, std::move(function)); });
  MadeUpNetwork made_up(targets);
  ListOfJobs feed(jobs_of(targets));
  std::map<std::string, TargetResult, std::less<>> results;
  Engine* running = nullptr;
  MadeUpWatch watch(loop, made_up, state_->chains,
                    [&](std::vector<ObservedFlow> flows) { running->observed(std::move(flows)); });
  Engine engine(loop, plan, made_up, watch, feed, [&](MergedJob&& job) {
    results.emplace(targets.at(job.job.line - 1).first, state_->result_of(job));
  });
  running = &engine;
  bool done = false;
  const auto its_threads_may_post = asio::make_work_guard(loop);
  engine.start([&] { done = true; });
  while (!done && !loop.stopped()) loop.run_one();
  measurement.end();
  if (!done) throw std::runtime_error("the run has not come to its end");
  return results;
}

Expansion MeasurementTest::expand(std::string_view domain, const FakeNames& names) {
  ExpandMeasurement* expander = state_->measurement->expander();
  if (expander == nullptr)
    throw std::invalid_argument(fmt::format("measurement {} connects: use run()", state_->description.name));
  Job job;
  job.domain = domain;
  job.line = 1;
  job.members = fmt::format(R"("domain":"{}")", domain);
  KnownNames resolver(names);
  asio::io_context loop{1};
  Expansion expansion;
  std::exception_ptr failure;
  asio::co_spawn(loop, await_task(expander->expand(job, resolver)),
                 [&](std::exception_ptr problem, Expansion made) {
                   failure = problem;
                   expansion = std::move(made);
                 });
  loop.run();
  if (failure) std::rethrow_exception(failure);
  return expansion;
}

}  // namespace spiderling::testing
