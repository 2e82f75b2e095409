#include "spiderling/eater.h"

#include <algorithm>
#include <atomic>
#include <boost/json/parse.hpp>
#include <charconv>
#include <exception>
#include <mutex>

#include "base/json_text.h"
#include "dumplings/dumpling.h"
#include "websocket/reconnecting_client.h"

namespace spiderling {

namespace {

constexpr std::uint16_t default_port = 11348;

void append_list(std::string& json, std::string_view key, const std::vector<std::string>& values) {
  json += fmt::format(",\"{}\":[", key);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) json += ',';
    append_json_string(json, values[i]);
  }
  json += ']';
}

// The hello of the reference; what is not wanted is said only where something is not wanted, in keys of ours.
std::string hello_of(const EaterOptions& options) {
  std::string json = "{\"eater_name\":";
  append_json_string(json, options.name);
  if (!options.chefs.empty()) append_list(json, "chefs", options.chefs);
  if (!options.kitchens.empty()) append_list(json, "kitchens", options.kitchens);
  if (options.packet_dumplings != options.interval_dumplings) {
    append_list(json, "drivers", {options.packet_dumplings ? "packet" : "interval"});
  }
  return json + "}";
}

bool wants(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::ranges::find(names, name) != names.end();
}

// Where an escape begins: the surrogate it stands for, else 0.
unsigned surrogate_at(std::string_view json, std::size_t at) {
  if (at + 6 > json.size() || json[at] != '\\' || json[at + 1] != 'u') return 0;
  unsigned number = 0;
  std::from_chars(json.data() + at + 2, json.data() + at + 6, number, 16);
  return number >= 0xd800 && number < 0xe000 ? number : 0;
}

// Python writes halves of surrogate pairs, which are no characters, and Boost.JSON takes none.
std::string without_lone_surrogates(std::string_view json) {
  std::string out(json);
  for (std::size_t at = out.find('\\'); at != std::string::npos; at = out.find('\\', at)) {
    const unsigned half = surrogate_at(out, at);
    if (half == 0) {
      at += 2;
    } else if (half < 0xdc00 && surrogate_at(out, at + 6) >= 0xdc00) {
      at += 12;
    } else {
      out.replace(at, 6, "\\ufffd");
      at += 6;
    }
  }
  return out;
}

}  // namespace

Payload EatenDumpling::parse_payload() const {
  boost::json::parse_options options;
  options.max_depth = DumplingReader::max_depth;
  return boost::json::parse(without_lone_surrogates(payload), {}, options);
}

// What stop() needs from any thread.
struct Eater::Shared {
  std::mutex mutex;
  bool stopped = false;
  ReconnectingClient* client = nullptr;
};

// One call of run().
class Eater::Run {
 public:
  Run(Eater& eater, std::optional<std::uint64_t> count)
      : eater_(eater), options_(eater.options_), count_(count) {}

  EaterResult run() {
    const auto endpoint = parse_endpoint(options_.hub, default_port);
    if (!endpoint) return problem(endpoint.error().message);
    uri_ = endpoint->uri();
    ClientOptions client;
    client.endpoint = *endpoint;
    client.tls.ca_file = options_.ca_file;
    client.token = options_.token;
    client.hello = hello_of(options_);
    ReconnectingClient connection(client, {.retry_first = options_.wait_for_hub, .retry = options_.reconnect},
                                  handlers());
    connection_ = &connection;
    if (count_ && *count_ == 0) return result_;
    if (!publish(&connection)) return result_;
    connection.run();
    publish(nullptr);
    if (thrown_) std::rethrow_exception(thrown_);
    return result_;
  }

 private:
  EaterResult problem(std::string text) {
    result_.problem = std::move(text);
    return result_;
  }

  // False: it has been stopped.
  bool publish(ReconnectingClient* client) {
    const std::lock_guard lock(eater_.shared_->mutex);
    eater_.shared_->client = client;
    return !eater_.shared_->stopped;
  }

  ReconnectHandlers handlers() {
    return {
        .on_open = [this] { guarded([this] { eater_.on_connect(uri_); }); },
        .on_message = [this](std::string_view message) { guarded([&] { eat(message); }); },
        .on_idle = [this] { guarded([this] { eater_.on_pause(); }); },
        .on_lost = [this](
                       std::uint16_t code, const std::string& why,
                       std::chrono::milliseconds next_try) { guarded([&] { lost(code, why, next_try); }); },
        .on_failed = [this](const std::string& why,
                            std::chrono::milliseconds next_try) { guarded([&] { failed(why, next_try); }); },
        .on_tick = [this] { guarded([this] { eater_.on_tick(); }); }};
  }

  // An exception must not pass through the client: it ends the run, and is thrown on behind it.
  template <class Function>
  void guarded(Function function) {
    if (ended_) return;
    try {
      function();
    } catch (...) {
      thrown_ = std::current_exception();
      end(close_code::going_away, "the eater failed");
    }
  }

  void eat(std::string_view message) {
    const auto dumpling = reader_.read(message);
    if (!dumpling) {
      ++result_.invalid;
      eater_.on_invalid(dumpling.error().message);
      return;
    }
    // Again, since a hub that is not ours sends everything.
    const bool driver_wanted =
        dumpling->from_interval() ? options_.interval_dumplings : options_.packet_dumplings;
    if (!driver_wanted || !wants(options_.chefs, dumpling->chef)) return;
    if (!options_.kitchens.empty() && (!dumpling->kitchen || !wants(options_.kitchens, *dumpling->kitchen)))
      return;
    ++result_.eaten;
    eater_.on_dumpling({dumpling->chef, dumpling->kitchen,
                        dumpling->from_interval() ? DumplingDriver::interval : DumplingDriver::packet,
                        dumpling->creation_time, dumpling->payload, message});
    if (count_ && result_.eaten >= *count_) {
      eater_.on_pause();
      end(close_code::eater_is_full, "dumpling eater is full");
    }
  }

  void lost(std::uint16_t code, const std::string& why, std::chrono::milliseconds next_try) {
    const std::string text = code == close_code::abnormal
                                 ? why
                                 : fmt::format("closed with code {}{}{}", code, why.empty() ? "" : ": ", why);
    if (next_try.count() == 0) result_.problem = fmt::format("lost the connection to {}: {}", uri_, text);
    eater_.on_connection_lost(text, next_try);
  }

  void failed(const std::string& why, std::chrono::milliseconds next_try) {
    if (next_try.count() == 0) {
      result_.problem = why;
    } else {
      eater_.on_connection_failed(why, next_try);
    }
  }

  void end(std::uint16_t code, std::string_view reason) {
    ended_ = true;
    connection_->stop(code, reason);
  }

  Eater& eater_;
  const EaterOptions& options_;
  const std::optional<std::uint64_t> count_;
  std::string uri_;
  DumplingReader reader_;
  ReconnectingClient* connection_ = nullptr;
  EaterResult result_;
  std::exception_ptr thrown_;
  bool ended_ = false;
};

Eater::Eater(EaterOptions options) : options_(std::move(options)), shared_(std::make_unique<Shared>()) {}

Eater::~Eater() = default;

EaterResult Eater::run(std::optional<std::uint64_t> count) { return Run(*this, count).run(); }

void Eater::stop() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stopped = true;
  if (shared_->client != nullptr)
    shared_->client->stop(close_code::connection_cancelled, "connection cancelled");
}

}  // namespace spiderling
