// Scenarios as TOML: the only file that knows the TOML library.
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/nearest.h"
#include "lab/scenario.h"

namespace spiderling::lab {
namespace {

constexpr double most_percent = 100;
constexpr std::int64_t longest_delay_ms = 60'000;

// Goes through tables and keeps the first thing that is wrong.
class Reader {
 public:
  explicit Reader(std::string_view origin) : origin_(origin) {}

  const std::optional<Error>& problem() const { return problem_; }

  template <class... Args>
  void refuse(const toml::node& where, fmt::format_string<Args...> format, Args&&... args) {
    if (problem_) return;
    problem_ = Error{fmt::format("{}:{}: {}", origin_, where.source().begin.line,
                                 fmt::format(format, std::forward<Args>(args)...))};
  }

  std::string text(const toml::table& table, std::string_view key, std::string otherwise) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return otherwise;
    if (const auto value = node->value<std::string>(); value && node->is_string()) return *value;
    refuse(*node, "'{}' must be text in quotes", key);
    return otherwise;
  }

  bool flag(const toml::table& table, std::string_view key) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return false;
    if (const auto value = node->value<bool>(); value && node->is_boolean()) return *value;
    refuse(*node, "'{}' must be true or false", key);
    return false;
  }

  std::int64_t number(const toml::table& table, std::string_view key, std::int64_t least, std::int64_t most,
                      std::int64_t otherwise) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return otherwise;
    const auto value = node->value<std::int64_t>();
    if (value && node->is_integer() && *value >= least && *value <= most) return *value;
    refuse(*node, "'{}' must be a whole number from {} to {}", key, least, most);
    return otherwise;
  }

  double percent(const toml::table& table, std::string_view key, double otherwise) {
    const toml::node* node = table.get(key);
    if (node == nullptr) return otherwise;
    const auto value = node->value<double>();
    if (value && node->is_number() && *value >= 0 && *value <= most_percent) return *value;
    refuse(*node, "'{}' must be a number from 0 to 100", key);
    return otherwise;
  }

  std::vector<std::string> texts(const toml::table& table, std::string_view key) {
    std::vector<std::string> list;
    const toml::node* node = table.get(key);
    if (node == nullptr) return list;
    const toml::array* array = node->as_array();
    if (array == nullptr) {
      refuse(*node, "'{}' must be a list of texts: [\"...\"]", key);
      return list;
    }
    for (const toml::node& element : *array) {
      if (const auto value = element.value<std::string>(); value && element.is_string())
        list.push_back(*value);
      else
        refuse(element, "'{}' must be a list of texts: [\"...\"]", key);
    }
    return list;
  }

 private:
  std::string_view origin_;
  std::optional<Error> problem_;
};

std::uint16_t usual_port(std::string_view connect) {
  if (connect == "https") return 443;
  if (connect.starts_with("dns")) return 53;
  return 80;
}

constexpr std::array<std::string_view, 9> scenario_keys = {
    "name", "description", "measurement", "connect", "options", "in_all", "loss_percent", "usual", "host"};
constexpr std::array<std::string_view, 6> host_keys = {"name", "box", "family", "count", "port", "may"};
constexpr Parameter all_parameters[] = {Parameter::delay, Parameter::loss,      Parameter::mss,
                                        Parameter::dscp,  Parameter::duplicate, Parameter::reorder};

std::optional<Parameter> parameter_of(std::string_view key) {
  for (const Parameter parameter : all_parameters)
    if (key_of(parameter) == key) return parameter;
  return std::nullopt;
}

// A list under a box's parameter's name is the truth of the measurement of that name: of dscp, or mss.
const toml::node* given(const toml::table& table, Parameter parameter) {
  const toml::node* node = table.get(key_of(parameter));
  return node != nullptr && !node->is_array() ? node : nullptr;
}

bool has(const Box& box, Parameter parameter) {
  return std::ranges::find(box.parameters, parameter) != box.parameters.end();
}

using Truth = std::map<std::string, std::vector<std::string>, std::less<>>;

// Conditions begin with the name of their measurement, but those of tcpopt with that of an option.
bool may_be_of(std::string_view condition, std::string_view measurement) {
  const auto begins = [&](std::string_view word) {
    return condition.starts_with(word) && condition.substr(word.size()).starts_with('.');
  };
  if (measurement == "tcpopt") return begins("tsopt") || begins("wsopt") || begins("sack");
  return begins(measurement);
}

// A list of what a measurement must find.
std::vector<std::string> read_conditions(Reader& reader, const toml::table& table,
                                         std::string_view measurement) {
  std::vector<std::string> list = reader.texts(table, measurement);
  const std::string prefix = fmt::format("{}.", measurement);
  for (const std::string& condition : list)
    if (!may_be_of(condition, measurement) && !condition.starts_with("pathspider."))
      reader.refuse(*table.get(measurement), "'{}' is no condition of '{}': it would begin with '{}'",
                    condition, measurement, prefix);
  return list;
}

class HostReader {
 public:
  HostReader(Reader& reader, const toml::table& table, const Scenario& scenario, const Truth& usual)
      : reader_(reader), table_(table), scenario_(scenario), usual_(usual) {}

  Host read() {
    Host host;
    read_box(host);
    if (reader_.problem()) return host;
    read_name(host);
    read_family(host);
    host.count = static_cast<std::uint32_t>(reader_.number(table_, "count", 1, max_count, 1));
    host.port =
        static_cast<std::uint16_t>(reader_.number(table_, "port", 1, 65535, usual_port(scenario_.connect)));
    host.may = reader_.texts(table_, "may");
    read_parameters(host);
    read_truth(host);
    return host;
  }

 private:
  void read_box(Host& host) {
    const toml::node* node = table_.get("box");
    if (node == nullptr) return reader_.refuse(table_, "this host has no 'box'");
    const std::string name = reader_.text(table_, "box", "");
    host.box = find_box(name);
    if (host.box != nullptr) return;
    std::vector<std::string_view> names;
    for (const Box& box : boxes()) names.push_back(box.name);
    reader_.refuse(*node, "there is no box '{}'; {}", name, did_you_mean(name, names));
  }

  void read_name(Host& host) {
    host.name = reader_.text(table_, "name", std::string(host.box->name));
    const toml::node* node = table_.get("name");
    const toml::node& where = node == nullptr ? static_cast<const toml::node&>(table_) : *node;
    if (!is_plain_name(host.name))
      reader_.refuse(where, "a name is at most 40 letters, digits, - and _: not '{}'", host.name);
    for (const Host& other : scenario_.hosts)
      if (other.name == host.name)
        reader_.refuse(where, "two hosts are named '{}': give this one a name of its own", host.name);
  }

  void read_family(Host& host) {
    const std::string family = reader_.text(table_, "family", host.box->ipv4_only ? "v4" : "both");
    if (family != "v4" && family != "v6" && family != "both")
      reader_.refuse(*table_.get("family"), "'family' is \"v4\", \"v6\" or \"both\": not '{}'", family);
    host.ipv4 = family != "v6";
    host.ipv6 = family != "v4";
    if (host.box->ipv4_only && host.ipv6)
      reader_.refuse(*table_.get("family"), "box '{}' is of IPv4 only: family = \"v4\"", host.box->name);
  }

  void read_parameters(Host& host) {
    Parameters& p = host.parameters = host.box->defaults;
    p.delay = std::chrono::milliseconds(
        reader_.number(table_, key_of(Parameter::delay), 0, longest_delay_ms, p.delay.count()));
    p.loss_percent = reader_.percent(table_, key_of(Parameter::loss), p.loss_percent);
    p.duplicate_percent = reader_.percent(table_, key_of(Parameter::duplicate), p.duplicate_percent);
    p.reorder_percent = reader_.percent(table_, key_of(Parameter::reorder), p.reorder_percent);
    if (given(table_, Parameter::mss) != nullptr)
      p.mss = static_cast<std::uint16_t>(reader_.number(table_, key_of(Parameter::mss), 64, 65535, p.mss));
    if (given(table_, Parameter::dscp) != nullptr)
      p.dscp = static_cast<std::uint8_t>(reader_.number(table_, key_of(Parameter::dscp), 0, 63, 0));
  }

  // Whatever else is a list is what a measurement of that name must find.
  void read_truth(Host& host) {
    for (const auto& [key, node] : table_) {
      const std::string_view name = key.str();
      if (const auto parameter = parameter_of(name); parameter && given(table_, *parameter) != nullptr) {
        if (!has(*host.box, *parameter)) reader_.refuse(node, "box '{}' has no '{}'", host.box->name, name);
        continue;
      }
      if (std::ranges::find(host_keys, name) != host_keys.end()) continue;
      if (!node.is_array()) {
        reader_.refuse(node, "a host has no '{}'; {}", name, did_you_mean(name, known_keys(*host.box)));
        continue;
      }
      host.truth[std::string(name)] = read_conditions(reader_, table_, name);
    }
    host.truth.insert(usual_.begin(), usual_.end());  // what it does not state itself
  }

  static std::vector<std::string_view> known_keys(const Box& box) {
    std::vector<std::string_view> keys(host_keys.begin(), host_keys.end());
    for (const Parameter parameter : box.parameters) keys.push_back(key_of(parameter));
    return keys;
  }

  Reader& reader_;
  const toml::table& table_;
  const Scenario& scenario_;
  const Truth& usual_;
};

Truth read_usual(Reader& reader, const toml::table& table) {
  Truth usual;
  const toml::node* node = table.get("usual");
  if (node == nullptr) return usual;
  if (!node->is_table()) {
    reader.refuse(*node, "'usual' is a table: [usual]");
    return usual;
  }
  for (const auto& [key, conditions] : *node->as_table())
    usual[std::string(key.str())] = read_conditions(reader, *node->as_table(), key.str());
  return usual;
}

void read_head(Reader& reader, const toml::table& table, Scenario& scenario) {
  for (const auto& [key, node] : table) {
    if (std::ranges::find(scenario_keys, key.str()) == scenario_keys.end())
      reader.refuse(node, "a scenario has no '{}'; {}", key.str(), did_you_mean(key.str(), scenario_keys));
  }
  scenario.name = reader.text(table, "name", "");
  if (!is_plain_name(scenario.name))
    reader.refuse(table.contains("name") ? *table.get("name") : static_cast<const toml::node&>(table),
                  "a scenario needs a name of at most 40 letters, digits, - and _");
  scenario.description = reader.text(table, "description", "");
  scenario.measurement = reader.text(table, "measurement", "ecn");
  scenario.connect = reader.text(table, "connect", "");
  scenario.options = reader.texts(table, "options");
  scenario.in_all = reader.flag(table, "in_all");
  scenario.loss_percent = reader.percent(table, "loss_percent", 0);
}

void read_hosts(Reader& reader, const toml::table& table, Scenario& scenario) {
  const toml::node* node = table.get("host");
  if (node == nullptr) return reader.refuse(table, "a scenario needs hosts: [[host]]");
  const toml::array* hosts = node->as_array();
  if (hosts == nullptr || !hosts->is_homogeneous<toml::table>() || hosts->empty())
    return reader.refuse(*node, "hosts are tables: [[host]]");
  const Truth usual = read_usual(reader, table);
  if (hosts->size() > max_hosts) return reader.refuse(*node, "more than {} hosts", max_hosts);
  for (const toml::node& host : *hosts) {
    if (reader.problem()) return;
    scenario.hosts.push_back(HostReader(reader, *host.as_table(), scenario, usual).read());
  }
}

}  // namespace

namespace {

// What is wrong is shown with the file's own characters, which may be any.
Error one_line(Error problem) {
  for (char& letter : problem.message) {
    const auto code = static_cast<unsigned char>(letter);
    if (code < 0x20 || code == 0x7f) letter = ' ';
  }
  return problem;
}

}  // namespace

Result<Scenario> parse_scenario(std::string_view text, std::string_view origin) {
  toml::table table;
  try {
    table = toml::parse(text, origin);
  } catch (const toml::parse_error& fault) {
    return tl::unexpected(
        one_line({fmt::format("{}:{}: {}", origin, fault.source().begin.line, fault.description())}));
  }
  Reader reader(origin);
  Scenario scenario;
  read_head(reader, table, scenario);
  if (!reader.problem()) read_hosts(reader, table, scenario);
  if (reader.problem()) return tl::unexpected(one_line(*reader.problem()));
  return scenario;
}

}  // namespace spiderling::lab
