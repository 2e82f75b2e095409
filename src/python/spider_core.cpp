#include "python/spider_core.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/log.h"
#include "python/spider_record.h"

namespace spiderling::python {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_told = 20;  // different failures, each told once
constexpr auto least_patience = 1s;    // beyond a connection's own time
constexpr auto configure_patience = 60s;
constexpr std::size_t most_threads = SpiderThreadsOptions().most;

Configuration named(const std::string& name) { return Configuration(name); }

// What combine_flows() is told of a flow.
struct SpiderFlow {
  std::string seen;    // its record as JSON; empty: it was not observed
  std::string fields;  // of the connection's record
  ConnectionState state;
  std::uint16_t sp;
  Timestamp start, stop;
};

// Until the engine has connected for it.
struct Connected {
  SpiderCall& call;
  bool await_ready() const noexcept { return !call.connecting; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    call.when_connected = [waiting] { waiting.resume(); };
  }
  void await_resume() const noexcept {}
};

void post_connect_in(PyObject* run, PyObject* job, SpiderCall& call, PyObject* number) {
  call.told = told_of_connection(call_method(run, "post_connect", {job, call.returned.get(), number}).get());
}

}  // namespace

// --- before all jobs

void SpiderCore::add_options(OptionList& list) {
  for (SpiderOption& option : options_) {
    if (option.is_flag) {
      list.flag(option.name, option.flag, option.meaning, option.also);
    } else {
      list.texts(option.name, option.texts, option.meaning, option.values, option.also);
    }
  }
}

void SpiderCore::prepare(const MeasurementRun& run) {
  const InterpreterLock lock;
  run_options_ = run;
  const Ref given = or_throw(Ref(PyList_New(0)));
  for (const SpiderOption& option : options_) {
    Ref values = or_throw(Ref(option.is_flag ? PyBool_FromLong(option.flag) : PyList_New(0)));
    for (const std::string& text : option.texts) PyList_Append(values.get(), python_text(text).get());
    PyList_Append(given.get(), values.get());
  }
  const std::string mode(name_of(run.mode));
  const Ref how = or_throw(Ref(Py_BuildValue("{s:s,s:d,s:n,s:s,s:s}", "mode", mode.c_str(), "timeout",
                                             std::chrono::duration<double>(run.timeout).count(), "workers",
                                             static_cast<Py_ssize_t>(run.workers), "interface",
                                             run.interface.c_str(), "user_agent", run.user_agent.c_str())));
  run_ = LockedRef(call_method(plugin_.plugin.get(), "start", {given.get(), how.get()}));
  for (const Ref& name : items_in(call_method(run_.get(), "runs").get()))
    runs_.push_back(named(text_in(name.get())));
  configures_ = truth_in(call_method(run_.get(), "configures").get());
  shows_flows_ = truth_in(call_method(run_.get(), "shows_flows").get());
  merges_ = truth_in(call_method(run_.get(), "merges").get());
  has_pre_connect_ = truth_in(call_method(run_.get(), "waits_before").get());
  has_post_connect_ = truth_in(call_method(run_.get(), "waits_after").get());
  if (plugin_.forges)
    protocol_ = static_cast<IpProtocol>(number_in(call_method(run_.get(), "protocol").get()));
  find_chains();
}

void SpiderCore::find_chains() {
  const std::vector<Ref> both = items_in(call_method(run_.get(), "chains").get());
  const auto form = truth_in(both.at(1).get()) ? RecordForm::functions : RecordForm::chains;
  if (!read_chains(both.at(0).get(), form, chains_)) throw_exception();
  auto set = ChainSet::make(chains_.all);
  if (!set) throw std::runtime_error(set.error().message);
  chain_set_.emplace(std::move(*set));
  flow_json_.emplace(*chain_set_);
}

void SpiderCore::begin(PostToLoop post) { threads_.emplace(SpiderThreadsOptions{}, std::move(post)); }

void SpiderCore::end() {
  if (threads_) threads_->stop();
}

std::size_t SpiderCore::most_connections() const { return most_threads; }

Task<void> SpiderCore::configure(std::size_t number) {
  std::function<void()> function = [run = run_, number] {
    call_method(run.get(), "configure", {python_number(static_cast<std::int64_t>(number)).get()});
  };
  SpiderThreads::Call call =
      threads_->call(what("configuration " + runs_.at(number).name), configure_patience, std::move(function));
  if (co_await call != CallEnd::returned)
    throw std::runtime_error(runs_.at(number).name + " does not return");
}

// --- one job

LockedRef SpiderCore::new_job(const Job& job) const {
  const InterpreterLock lock;
  const std::uint16_t dp = job.dp ? *job.dp : default_port(run_options_.mode);
  return LockedRef(
      call_method(run_.get(), "new_job",
                  {python_text(job.members).get(), python_text(job.dip.to_string()).get(),
                   python_number(dp).get(), python_number(static_cast<std::int64_t>(job.line)).get()}));
}

Task<std::any> SpiderCore::pre_connect(const Job& job) {
  if (job.dip.version == IpVersion::none) co_return std::any{};  // it will not be asked
  const LockedRef state = new_job(job);
  if (has_pre_connect_) {
    std::function<void()> function = [run = run_, state] {
      call_method(run.get(), "pre_connect", {state.get()});
    };
    SpiderThreads::Call call = threads_->call(what("pre_connect()"), patience(), std::move(function));
    try {
      if (co_await call != CallEnd::returned) throw std::runtime_error("pre_connect() does not return");
    } catch (const std::exception& problem) {
      tell("pre_connect()", problem.what());
      throw;
    }
  }
  co_return std::any(state);
}

std::shared_ptr<SpiderCall> SpiderCore::begin_call(Worker& worker) {
  auto call = std::make_shared<SpiderCall>();
  call->dip = worker.job().dip.to_string();
  call->dp = worker.port();
  call->timeout = run_options_.timeout;
  call->post = threads_->poster();
  call->worker = &worker;
  calls_[&worker] = call;
  return call;
}

Task<ConnectionRecord> SpiderCore::connect(Worker& worker) {
  const auto* const job = std::any_cast<LockedRef>(&worker.prepared());
  if (job == nullptr) throw std::runtime_error("pre_connect() of the plugin failed");
  const std::shared_ptr<SpiderCall> call = begin_call(worker);
  call->job = *job;
  ConnectionRecord record;
  if (plugin_.forges) {
    record = co_await worker.connect();
    call->connected = record;
    co_return record;
  }
  worker.connects_by_itself();
  std::function<void()> function = [run = run_, call, number = worker.run(), told = !has_post_connect_] {
    const Ref native = make_worker_object(call);
    const Ref run_number = python_number(static_cast<std::int64_t>(number));
    call->returned =
        LockedRef(call_method(run.get(), "connect", {native.get(), call->job.get(), run_number.get()}));
    if (told) post_connect_in(run.get(), call->job.get(), *call, run_number.get());
  };
  SpiderThreads::Call pending =
      threads_->call(what("connect() towards " + call->dip), patience(), std::move(function));
  CallEnd end = CallEnd::returned;
  std::string broken;
  try {
    end = co_await pending;
  } catch (const std::exception& problem) {
    broken = problem.what();
  }
  call->failed = end != CallEnd::returned || !broken.empty();
  if (call->failed) call->worker = nullptr;
  Connected connected{*call};
  co_await connected;
  if (!broken.empty()) {
    tell("connect()", broken);
    throw std::runtime_error(broken);
  }
  if (end == CallEnd::refused) throw std::runtime_error("too many of its functions do not return");
  if (end == CallEnd::hung) {
    record.state = ConnectionState::timeout;
    record.reason = "connect() of the plugin does not return";
    record.sip = call->connected.sip;
    record.sp = call->connected.sp;
    co_return record;
  }
  fill(record, *call);
  co_return record;
}

Task<void> SpiderCore::post_connect(Worker& worker, ConnectionRecord& record) {
  const auto at = calls_.find(&worker);
  if (at == calls_.end()) co_return;
  const std::shared_ptr<SpiderCall> call = std::move(at->second);
  calls_.erase(at);
  if (call->failed) co_return;
  call->worker = nullptr;
  if (plugin_.forges) call->returned = forged_record(record);
  if (has_post_connect_) {
    std::function<void()> function = [run = run_, call, number = worker.run()] {
      const Ref run_number = python_number(static_cast<std::int64_t>(number));
      post_connect_in(run.get(), call->job.get(), *call, run_number.get());
    };
    SpiderThreads::Call pending =
        threads_->call(what("post_connect() of " + call->dip), patience(), std::move(function));
    try {
      if (co_await pending != CallEnd::returned) throw std::runtime_error("post_connect() does not return");
    } catch (const std::exception& problem) {
      tell("post_connect()", problem.what());
      throw;
    }
  } else if (plugin_.forges) {
    const InterpreterLock lock;
    post_connect_in(run_.get(), call->job.get(), *call,
                    python_number(static_cast<std::int64_t>(worker.run())).get());
  }
  fill(record, *call);
}

// Of a packet that was sent the engine knows all; a plugin's post_connect() may add to it.
LockedRef SpiderCore::forged_record(const ConnectionRecord& record) {
  const InterpreterLock lock;
  return LockedRef(or_throw(
      Ref(Py_BuildValue("{s:i,s:i}", "sp", int{record.sp}, "spdr_state", static_cast<int>(record.state)))));
}

std::vector<std::uint8_t> SpiderCore::forge(const Job& job, std::size_t seq, const ForgedEnds& ends) const {
  const auto forged = std::make_shared<std::vector<std::uint8_t>>();
  call_now("forge()", [run = run_, forged, line = job.line, seq, sip = ends.sip.to_string(), sp = ends.sp] {
    const Ref packet = call_method(run.get(), "forged",
                                   {python_number(static_cast<std::int64_t>(line)).get(),
                                    python_number(static_cast<std::int64_t>(seq)).get(),
                                    python_text(sip).get(), python_number(sp).get()});
    char* bytes = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(packet.get(), &bytes, &size) != 0) throw_exception();
    forged->assign(bytes, bytes + size);
  });
  return std::move(*forged);
}

// --- one result

// The flow record as JSON; empty: it was not observed.
std::string SpiderCore::flow_members(const MergedFlow& flow) const {
  if (!flow.observed()) return {};
  std::string text = "{";
  flow_json_->append_members({{}, {}, flow.states(), nullptr}, text);
  return text + "}";
}

void SpiderCore::merge(const Job& job, std::size_t run, const MergedFlow& flow,
                       ConnectionRecord& record) const {
  merged_ = {job.dip.to_string(), job.line};
  if (!merges_) return;
  const auto fields = std::make_shared<std::string>();
  call_now("merge()", [of = run_, fields, line = job.line, run, seen = flow_members(flow)] {
    *fields =
        text_in(call_method(of.get(), "merge",
                            {python_number(static_cast<std::int64_t>(line)).get(),
                             python_number(static_cast<std::int64_t>(run)).get(), python_text(seen).get()})
                    .get());
  });
  add_fields(record, *fields);
}

void SpiderCore::combine(const MergedFlows& flows, Conditions& conditions) const {
  std::vector<SpiderFlow> told;
  for (const MergedFlow& flow : flows) {
    const ConnectionRecord& record = flow.connection();
    told.push_back(
        {flow_members(flow), fields_json(record), record.state, record.sp, record.start, record.stop});
  }
  const auto texts = std::make_shared<std::vector<std::string>>();
  call_now("combine_flows()", [run = run_, texts, told = std::move(told), job = merged_] {
    const Ref list = or_throw(Ref(PyList_New(0)));
    for (std::size_t number = 0; number < told.size(); ++number) {
      const SpiderFlow& flow = told[number];
      const Ref one = or_throw(Ref(Py_BuildValue(
          "(nsiiddKss)", static_cast<Py_ssize_t>(number), flow.seen.c_str(), static_cast<int>(flow.state),
          int{flow.sp}, to_seconds(flow.start), to_seconds(flow.stop),
          static_cast<unsigned long long>(job.line), job.dip.c_str(), flow.fields.c_str())));
      PyList_Append(list.get(), one.get());
    }
    for (const Ref& one : items_in(call_method(run.get(), "combine", {list.get()}).get()))
      texts->push_back(text_in(one.get()));
  });
  for (const std::string& text : *texts) {
    const auto colon = text.find(':');
    if (colon == text.npos) {
      conditions.add(text);
    } else {
      conditions.add(text.substr(0, colon), text.substr(colon + 1));
    }
  }
}

void SpiderCore::conclude(const Job& job, std::span<ConnectionRecord* const> records,
                          std::string& members) const {
  const InterpreterLock lock;
  const std::vector<Ref> told = items_in(
      call_method(run_.get(), "conclude", {python_number(static_cast<std::int64_t>(job.line)).get()}).get());
  if (const std::string text = text_in(told.at(0).get()); !text.empty()) members = text;
  const std::vector<Ref> fields = items_in(told.at(1).get());
  for (std::size_t run = 0; run < std::min(fields.size(), records.size()); ++run) {
    const std::string text = text_in(fields[run].get());
    if (text.empty()) continue;
    records[run]->fields.clear();
    add_fields(*records[run], text);
  }
}

// --- what went wrong

// For what the loop must have at once. It may be given up and go on, so it owns what it uses.
void SpiderCore::call_now(const char* function, std::function<void()> called) const {
  try {
    if (!threads_) {  // no run: results are compared with their packets
      const InterpreterLock lock;
      return called();
    }
    const CallEnd end = threads_->call_and_wait(what(function), std::move(called));
    if (end == CallEnd::refused) throw std::runtime_error("too many of its functions do not return");
    if (end == CallEnd::hung) throw std::runtime_error(std::string(function) + " does not return");
  } catch (const std::exception& problem) {
    tell(function, problem.what());
    throw;
  }
}

std::string SpiderCore::what(const std::string& function) const { return plugin_.name + ": " + function; }

std::chrono::milliseconds SpiderCore::patience() const {
  return run_options_.timeout + std::max<std::chrono::milliseconds>(run_options_.timeout, least_patience);
}

void SpiderCore::tell(const char* function, const std::string& why) const {
  const std::lock_guard lock(told_mutex_);
  if (told_.size() >= most_told || !told_.insert(function + why).second) return;
  log::warning("a plugin failed", {{"plugin", plugin_.name}, {"where", function}, {"why", why}});
}

}  // namespace spiderling::python
