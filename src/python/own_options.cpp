#include "python/own_options.h"

#include <stdexcept>

#include "python/ref.h"
#include "python/spider_plugin.h"

namespace spiderling::python {

namespace {

using Option = OptionList::Option;
using Numbers = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

OptionList options_of(Measurement& measurement) {
  OptionList list;
  measurement.options(list);
  return list;
}

std::int64_t number_for(const Option& option, PyObject* value) {
  const std::int64_t number = number_in(value);
  if (number < option.least || number > option.most)
    throw std::runtime_error(fmt::format("{} is not between {} and {}", number, option.least, option.most));
  return number;
}

std::vector<Ref> one_or_more(PyObject* value) {
  const bool is_one = PyLong_Check(value) || PyUnicode_Check(value);
  return is_one ? std::vector<Ref>{Ref::borrowed(value)} : items_in(value);
}

struct Set {
  const Option& option;
  PyObject* value;

  void operator()(bool* target) const { *target = truth_in(value); }
  void operator()(std::int64_t* target) const { *target = number_for(option, value); }
  void operator()(std::string* target) const { *target = text_in(value); }
  void operator()(Numbers* target) const {
    Numbers all;
    for (const Ref& one : one_or_more(value)) all.push_back(number_for(option, one.get()));
    *target = std::move(all);
  }
  void operator()(Texts* target) const {
    Texts all;
    for (const Ref& one : one_or_more(value)) all.push_back(text_in(one.get()));
    *target = std::move(all);
  }
};

struct Kind {
  const char* operator()(const bool*) const { return "flag"; }
  const char* operator()(const std::int64_t*) const { return "number"; }
  const char* operator()(const std::string*) const { return "text"; }
  const char* operator()(const Numbers*) const { return "numbers"; }
  const char* operator()(const Texts*) const { return "texts"; }
};

struct Value {
  Ref operator()(const bool* value) const { return Ref(PyBool_FromLong(*value ? 1 : 0)); }
  Ref operator()(const std::int64_t* value) const { return python_number(*value); }
  Ref operator()(const std::string* value) const { return python_text(*value); }
  template <class One>
  Ref operator()(const std::vector<One>* values) const {
    const Ref list(PyList_New(0));
    for (const One& one : *values) {
      if (!list || PyList_Append(list.get(), (*this)(&one).get()) != 0) return {};
    }
    return list;
  }
};

}  // namespace

bool set_options(Measurement& measurement, PyObject* given) {
  const OptionList list = options_of(measurement);
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t at = 0; PyDict_Next(given, &at, &key, &value) != 0;) {
    const std::string name = text_of(key);
    const auto option = std::ranges::find(list.options(), name, &Option::name);
    if (option == list.options().end()) return fail(PyExc_ValueError, "it has no option '" + name + "'");
    try {
      const Ref held = Ref::borrowed(value);
      std::visit(Set{*option, held.get()}, option->target);
    } catch (const std::exception& problem) {
      return fail(PyExc_ValueError, name + ": " + problem.what());
    }
  }
  return true;
}

PyObject* describe_options(Measurement& measurement) {
  const OptionList list = options_of(measurement);
  Ref all(PyList_New(0));
  try {
    for (const Option& option : list.options()) {
      const Ref value = std::visit(Value{}, option.target);
      const Ref one(value ? Py_BuildValue("(ssOs)", option.name.c_str(), std::visit(Kind{}, option.target),
                                          value.get(), option.meaning.c_str())
                          : nullptr);
      if (!all || !one || PyList_Append(all.get(), one.get()) != 0) return nullptr;
    }
  } catch (const std::exception& problem) {
    return fail(PyExc_ValueError, problem.what());
  }
  return PyList_AsTuple(all.get());
}

}  // namespace spiderling::python
