#include "python/merged_dicts.h"

#include <cstring>
#include <limits>
#include <string>

#include <boost/json/parse.hpp>

#include "python/payload_text.h"

namespace spiderling::python {

namespace {

constexpr auto most_flows = static_cast<Py_ssize_t>(Merger::max_connections);

template <class T>
void store(std::uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

template <class T>
bool store_unsigned(PyObject* value, std::uint8_t* at) {
  const unsigned long long number = PyLong_AsUnsignedLongLong(value);
  if (number == std::numeric_limits<unsigned long long>::max() && PyErr_Occurred() != nullptr) return false;
  if (number > std::numeric_limits<T>::max()) return fail(PyExc_OverflowError, "it is too large");
  store(at, static_cast<T>(number));
  return true;
}

bool store_address(PyObject* value, std::uint8_t* at) {
  const auto address = IpAddress::parse(text_of(value));
  if (!address) return fail(PyExc_ValueError, "it is no address: " + text_of(value));
  store(at, *address);
  return true;
}

// False: it is none of the field's type, and an exception is set.
bool store_value(PyObject* value, FieldType type, std::uint8_t* at) {
  const bool is_address = type == FieldType::address, is_real = type == FieldType::f64;
  if (!is_address && !(is_real && PyFloat_Check(value)) && !PyLong_Check(value))  // a bool is one too
    return fail(PyExc_TypeError, std::string("it is a ") + Py_TYPE(value)->tp_name);
  switch (type) {
    case FieldType::boolean: *at = PyObject_IsTrue(value) == 1 ? 1 : 0; break;
    case FieldType::u8: return store_unsigned<std::uint8_t>(value, at);
    case FieldType::u16: return store_unsigned<std::uint16_t>(value, at);
    case FieldType::u32: return store_unsigned<std::uint32_t>(value, at);
    case FieldType::u64: return store_unsigned<std::uint64_t>(value, at);
    case FieldType::i64: store<std::int64_t>(at, PyLong_AsLongLong(value)); break;
    case FieldType::f64: store(at, PyFloat_AsDouble(value)); break;
    case FieldType::address: return store_address(value, at);
    case FieldType::any: break;  // of chains in Python, which no native measurement names
  }
  return PyErr_Occurred() == nullptr;
}

// The exception that is set, with the name of what it is about in front.
bool blame(const std::string& name) {
  PyObject *type = nullptr, *value = nullptr, *trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  const std::string what = value == nullptr ? "" : text_of(value);
  PyErr_Format(type, "%s of a flow: %s", name.c_str(), what.c_str());
  for (PyObject* one : {type, value, trace}) Py_XDECREF(one);
  return false;
}

// A member that must be there; nothing: KeyError is set.
Ref needed(PyObject* flow, const char* name) { return Ref(PyMapping_GetItemString(flow, name)); }

bool read_truth(PyObject* value, bool& truth) {
  const int is = PyObject_IsTrue(value);
  truth = is == 1;
  return is >= 0;
}

// A number of Connection's or CONN_OK and its like; Conn of early plugins is a number too.
bool read_state(PyObject* flow, ConnectionState& state) {
  const Ref value = needed(flow, "spdr_state");
  if (!value) return false;
  const long number = PyLong_AsLong(value.get());
  if (number == -1 && PyErr_Occurred() != nullptr) return blame("spdr_state");
  if (number < 0 || number > static_cast<long>(ConnectionState::discard))
    return fail(PyExc_ValueError, "spdr_state of a flow: there is no state " + std::to_string(number));
  state = static_cast<ConnectionState>(number);
  return true;
}

}  // namespace

MergedDicts::MergedDicts(const ChainSet& chains) : chains_(chains), encoder_(payload_encoder()) {
  for (const PlacedChain& placed : chains.chains()) {
    for (const Field& field : placed.chain->fields)
      places_.emplace(field.name, Place{field, placed.state_offset});
  }
}

bool MergedDicts::read(PyObject* flows, MergedJob& job) const {
  const Ref all(PySequence_Fast(flows, "the flows of a job are a list"));
  if (!all) return false;
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(all.get());
  if (count > most_flows)
    return fail(PyExc_ValueError, fmt::format("a job has no more than {} flows", most_flows));
  for (Py_ssize_t i = 0; i < count; ++i) {
    const Ref flow = Ref::borrowed(PySequence_Fast_GET_ITEM(all.get(), i));
    if (PyDict_Check(flow.get()) == 0) return fail(PyExc_TypeError, "a flow is a dict");
    if (!read_flow(flow.get(), job.connections.emplace_back())) return false;
  }
  return true;
}

bool MergedDicts::read_flow(PyObject* flow, JobConnection& connection) const {
  const Ref observed = needed(flow, "observed");
  bool is_observed = false;
  if (!observed || !read_truth(observed.get(), is_observed)) return false;
  if (!read_state(flow, connection.record.state)) return false;
  PyObject* const lossy = PyDict_GetItemString(flow, "lossy");
  if (lossy != nullptr && !read_truth(lossy, connection.flow.lossy)) return false;
  return (!is_observed || read_states(flow, connection)) && read_connector(flow, connection.record);
}

bool MergedDicts::read_states(PyObject* flow, JobConnection& connection) const {
  connection.flow.states = keep_states(chains_, chains_.blank_states().data());
  std::uint8_t* const states = connection.flow.states.get();
  for (const auto& [name, place] : places_) {
    PyObject* const borrowed = PyDict_GetItemString(flow, name.c_str());
    if (borrowed == nullptr || borrowed == Py_None) continue;
    const Ref value = Ref::borrowed(borrowed);
    const Field& field = place.field;
    std::uint8_t* const state = states + place.state_offset;
    if (!store_value(value.get(), field.type, state + field.offset)) return blame(name);
    if (field.nullable && field.type != FieldType::address) state[field.seen_offset] = 1;
  }
  return true;
}

bool MergedDicts::read_connector(PyObject* flow, ConnectionRecord& record) const {
  const Ref items(PyDict_Items(flow));  // what encodes them may change the flow itself
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* const item = PyList_GET_ITEM(items.get(), i);
    PyObject *const key = PyTuple_GET_ITEM(item, 0), *const value = PyTuple_GET_ITEM(item, 1);
    if (!PyUnicode_Check(key)) continue;
    std::string name = text_of(key), json;
    if (places_.contains(name) || !append_payload_text(json, encoder_.get(), value).empty()) continue;
    boost::system::error_code problem;
    auto parsed = boost::json::parse(json, problem);
    if (!problem) record.add(std::move(name), std::move(parsed));
  }
  return true;
}

}  // namespace spiderling::python
