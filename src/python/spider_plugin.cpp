#include "python/spider_plugin.h"

#include <array>
#include <stdexcept>

namespace spiderling::python {

namespace {

Ref member(PyObject* object, const char* name) { return or_throw(Ref(PyObject_GetAttrString(object, name))); }

std::vector<ConnectMode> modes_in(PyObject* names) {
  constexpr std::array known{ConnectMode::tcp,    ConnectMode::http,   ConnectMode::https,
                             ConnectMode::dnstcp, ConnectMode::dnsudp, ConnectMode::tcpsyn};
  std::vector<ConnectMode> modes;
  for (const Ref& one : items_in(names)) {
    const std::string name = text_in(one.get());
    for (const ConnectMode mode : known) {
      if (name == name_of(mode)) modes.push_back(mode);
    }
  }
  return modes;
}

SpiderOption option_in(PyObject* object) {
  SpiderOption option;
  option.name = text_in(member(object, "name").get());
  option.also = text_in(member(object, "also").get());
  option.meaning = text_in(member(object, "meaning").get());
  option.is_flag = truth_in(member(object, "flag").get());
  option.values = static_cast<int>(number_in(member(object, "values").get()));
  return option;
}

}  // namespace

Ref call_method(PyObject* object, const char* name, std::initializer_list<PyObject*> arguments) {
  const Ref function = member(object, name);
  return or_throw(Ref(PyObject_Vectorcall(function.get(), arguments.begin(), arguments.size(), nullptr)));
}

Ref python_text(std::string_view text) {
  return or_throw(Ref(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace")));
}

Ref python_number(std::int64_t number) { return or_throw(Ref(PyLong_FromLongLong(number))); }

std::string text_in(PyObject* object) {
  if (!PyUnicode_Check(object)) throw std::runtime_error("a text was expected, not " + text_of(object));
  return text_of(object);
}

std::int64_t number_in(PyObject* object) {
  const long long number = PyLong_AsLongLong(object);
  if (number == -1 && PyErr_Occurred() != nullptr) throw_exception();
  return number;
}

bool truth_in(PyObject* object) {
  const int truth = PyObject_IsTrue(object);
  if (truth < 0) throw_exception();
  return truth == 1;
}

std::vector<Ref> items_in(PyObject* sequence) {
  const Ref fast = or_throw(Ref(PySequence_Fast(sequence, "a sequence was expected")));
  std::vector<Ref> items;
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(fast.get());
  for (Py_ssize_t i = 0; i < size; ++i)
    items.push_back(Ref::borrowed(PySequence_Fast_GET_ITEM(fast.get(), i)));
  return items;
}

SpiderPlugin::SpiderPlugin(Ref of_python) : plugin(std::move(of_python)) {
  PyObject* const object = plugin.get();
  module = text_in(member(object, "module").get());
  name = text_in(member(object, "name").get());
  description = text_in(member(object, "description").get());
  version = text_in(member(object, "version").get());
  forges = text_in(member(object, "model").get()) == "forge";
  modes = modes_in(member(object, "modes").get());
  for (const Ref& one : items_in(member(object, "options").get())) options.push_back(option_in(one.get()));
}

}  // namespace spiderling::python
