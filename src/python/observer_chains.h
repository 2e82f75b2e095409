// The chains of an Observer that a Python program has made.
#pragma once

#include <Python.h>

#include <memory>
#include <vector>

#include "python/python_chain.h"

namespace spiderling::python {

/// What runs natively, and what in Python, in the order in which it runs.
struct ObserverChains {
  std::vector<std::shared_ptr<const PythonChain>>
      in_python;  ///< what `all` names must live as long as its sets
  std::vector<const ChainDescription*> all;
};

/// Reads what pathspider.observer.Observer.chain_specs says: a sequence of names of native chains, and of
/// (name, {hook: callable}) for those in Python. False: a Python exception is set.
bool read_chains(PyObject* specs, RecordForm form, ObserverChains& chains);

}  // namespace spiderling::python
