// What Python says of a network that is made up, and of connections that are told of.
#pragma once

#include <Python.h>

#include "spiderling/testing/fake_network.h"
#include "spiderling/testing/measurements.h"

namespace spiderling::python {

/// Of {name: FakeTarget of spiderling/testing/_network.py}. Its functions are called with the interpreter's
/// lock, in any thread. Throws std::runtime_error. With the lock.
testing::FakeNetwork network_in(PyObject* targets);

/// Of a sequence of dictionaries, one a configuration. Throws std::runtime_error, std::invalid_argument. With
/// the lock.
std::vector<SocketSetup> setups_in(PyObject* setups);

/// Of a sequence of (state, Packets, lossy, fields as JSON). Throws as the others. With the lock.
std::vector<testing::ToldConnection> told_in(PyObject* connections);

}  // namespace spiderling::python
