#include "python_testing/fake_targets.h"

#include <stdexcept>
#include <string>
#include <utility>

#include <boost/json/parse.hpp>

#include "python/interpreter.h"
#include "python/locked_ref.h"
#include "python/packet_object.h"
#include "python/spider_plugin.h"
#include "python_testing/packets_object.h"

namespace spiderling::python {

namespace {

using testing::Answer;
using testing::FakeTarget;

Ref member(PyObject* object, const char* name) { return or_throw(Ref(PyObject_GetAttrString(object, name))); }
bool flag(PyObject* object, const char* name) { return truth_in(member(object, name).get()); }

template <class Number>
Number number_of(PyObject* given, const char* what) {
  const std::int64_t number = number_in(given);
  if (!std::in_range<Number>(number))
    throw std::invalid_argument(std::string(what) + ": " + std::to_string(number) + " does not fit");
  return static_cast<Number>(number);
}
template <class Number>
Number number(PyObject* object, const char* name) {
  return number_of<Number>(member(object, name).get(), name);
}

Answer answer_in(const std::string& name) {
  if (name == "accepts") return Answer::accepts;
  if (name == "silent") return Answer::silent;
  if (name == "refuses") return Answer::refuses;
  if (name == "unreachable") return Answer::unreachable;
  throw std::invalid_argument("a target accepts, is silent, refuses or is unreachable, but not: " + name);
}

std::string bytes_in(PyObject* object) {
  char* bytes = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(object, &bytes, &size) != 0) throw_exception();
  return {bytes, static_cast<std::size_t>(size)};
}

Ref python_bytes(const void* data, std::size_t size) {
  return or_throw(
      Ref(PyBytes_FromStringAndSize(static_cast<const char*>(data), static_cast<Py_ssize_t>(size))));
}

// The functions of a target, as the kit calls them.

bool drops(PyObject* function, const Packet& packet) {
  const InterpreterLock lock;
  PacketLender lender;
  PyObject* lent = lender.lend(packet.data(), packet.time().time_since_epoch().count(), packet.wire_length(),
                               packet.link_type());
  const Ref lost(lent != nullptr ? PyObject_CallOneArg(function, lent) : nullptr);
  lender.take_back();
  return truth_in(or_throw(lost).get());
}

void change(PyObject* function, std::span<std::uint8_t> ip_packet) {
  const InterpreterLock lock;
  const Ref before = python_bytes(ip_packet.data(), ip_packet.size());
  const std::string changed = bytes_in(or_throw(Ref(PyObject_CallOneArg(function, before.get()))).get());
  if (changed.size() != ip_packet.size())
    throw std::runtime_error("changes() is to give back as many bytes as it was given");
  std::ranges::copy(changed, ip_packet.begin());
}

std::string say(PyObject* function, std::string_view said) {
  const InterpreterLock lock;
  const Ref words = python_bytes(said.data(), said.size());
  return bytes_in(or_throw(Ref(PyObject_CallOneArg(function, words.get()))).get());
}

template <class Function>
LockedRef function_in(PyObject* target, const char* name, Function&& set) {
  const LockedRef function(member(target, name));
  if (function.get() != Py_None) set(function);
  return function;
}

FakeTarget target_in(PyObject* given) {
  FakeTarget target;
  target.answer = answer_in(text_in(member(given, "answer").get()));
  target.ecn = flag(given, "ecn");
  target.timestamps = flag(given, "timestamps");
  target.window_scale = flag(given, "window_scale");
  target.sack_permitted = flag(given, "sack_permitted");
  target.mss = number<std::uint16_t>(given, "mss");
  target.fast_open = flag(given, "fast_open");
  target.dscp = number<std::uint8_t>(given, "dscp");
  target.http_status = number<unsigned>(given, "http_status");
  target.http2 = flag(given, "http2");
  target.observed = flag(given, "observed");
  target.lossy = flag(given, "lossy");
  target.ipv6 = flag(given, "ipv6");
  target.domain = text_in(member(given, "domain").get());
  if (const Ref port = member(given, "port"); port.get() != Py_None)
    target.port = number_of<std::uint16_t>(port.get(), "port");
  for (const Ref& kind : items_in(member(given, "strips").get()))
    target.strips.push_back(static_cast<TcpOptionKind>(number_of<std::uint8_t>(kind.get(), "strips")));
  function_in(given, "drops", [&](const LockedRef& function) {
    target.drops = [function](const Packet& packet) { return drops(function.get(), packet); };
  });
  function_in(given, "changes", [&](const LockedRef& function) {
    target.changes = [function](std::span<std::uint8_t> packet) { change(function.get(), packet); };
  });
  function_in(given, "says", [&](const LockedRef& function) {
    target.says = [function](std::string_view said) { return say(function.get(), said); };
  });
  return target;
}

FastOpen fast_open_in(const std::string& name) {
  if (name == "ask") return FastOpen::ask;
  if (name == "use") return FastOpen::use;
  throw std::invalid_argument("fast_open is \"ask\" or \"use\", but not: " + name);
}

SocketSetup setup_in(PyObject* given) {
  SocketSetup setup;
  if (PyDict_Check(given) == 0) throw std::invalid_argument("the setup of a socket is a dictionary");
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(given, &at, &key, &value) != 0;) {
    const std::string name = text_of(key);
    const auto options = [&]() -> SynOptions& {
      if (!setup.syn_options) setup.syn_options = SynOptions{true, true, true};
      return *setup.syn_options;
    };
    if (name == "ecn") {
      setup.ecn = truth_in(value) ? EcnRequest::on : EcnRequest::off;
    } else if (name == "dscp") {
      setup.dscp = number_of<std::uint8_t>(value, "dscp");
    } else if (name == "mss") {
      setup.mss = number_of<std::uint16_t>(value, "mss");
    } else if (name == "fast_open") {
      setup.fast_open = fast_open_in(text_in(value));
    } else if (name == "timestamps") {
      options().timestamps = truth_in(value);
    } else if (name == "window_scale") {
      options().window_scale = truth_in(value);
    } else if (name == "sack_permitted") {
      options().sack_permitted = truth_in(value);
    } else {
      throw std::invalid_argument(
          "a socket has ecn, dscp, mss, fast_open, timestamps, window_scale and sack_permitted, but no " +
          name);
    }
  }
  return setup;
}

}  // namespace

testing::FakeNetwork network_in(PyObject* targets) {
  testing::FakeNetwork network;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(targets, &at, &key, &value) != 0;)
    network.emplace(text_in(key), target_in(value));
  return network;
}

std::vector<SocketSetup> setups_in(PyObject* setups) {
  std::vector<SocketSetup> all;
  for (const Ref& one : items_in(setups)) all.push_back(setup_in(one.get()));
  return all;
}

std::vector<testing::ToldConnection> told_in(PyObject* connections) {
  std::vector<testing::ToldConnection> all;
  for (const Ref& one : items_in(connections)) {
    const std::vector<Ref> parts = items_in(one.get());
    testing::ToldConnection& told = all.emplace_back();
    told.state = static_cast<ConnectionState>(number_of<std::uint8_t>(parts.at(0).get(), "state"));
    const testing::Packets* packets = packets_in(parts.at(1).get());
    if (packets == nullptr) throw std::invalid_argument(take_exception().text);
    told.packets = *packets;
    told.lossy = truth_in(parts.at(2).get());
    const Payload fields = boost::json::parse(text_in(parts.at(3).get()));
    for (const auto& [name, value] : fields.as_object()) told.fields.emplace_back(std::string(name), value);
  }
  return all;
}

}  // namespace spiderling::python
