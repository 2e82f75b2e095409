// Flow records as dictionaries: while a flow goes on, as its chains in Python see it, and when it has ended.
#pragma once

#include <Python.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "flows/chain_hooks.h"
#include "python/ref.h"
#include "spiderling/chain.h"

namespace spiderling {
class ChainSet;
}

namespace spiderling::python {

/// How the times of a record are called besides pkt_first and pkt_last: in PATHspider 1, where chains are
/// functions, also first and last.
enum class RecordForm : std::uint8_t { chains, functions };

/// A field's value as an object. nullptr: a Python exception is set.
PyObject* new_value(const Field& field, const std::uint8_t* state);

/// The fields of the native chains of a set, by their names. With the interpreter's lock, its destructor too.
class NativeFields {
 public:
  explicit NativeFields(std::span<const PlacedChain> chains);

  struct One {
    Ref name;
    Field field;
    std::uint32_t state_offset;
  };
  const std::vector<One>& all() const { return all_; }
  /// nullptr: there is none of this name (or the name can be none: then an exception is set).
  const One* find(PyObject* name) const;

 private:
  std::vector<One> all_;
  Ref numbers_;  // dict: name -> place in all_
};

/// The record of a flow that goes on: a dict of what Python has put into it, in which the native chains'
/// fields, as they are at the moment, and the times are found too. With the interpreter's lock.
class FlowRec {
 public:
  /// An empty one. nothing: a Python exception is set. `natives` and `states` (of all chains) are borrowed
  /// until end().
  static PyObject* make(const NativeFields& natives, const std::uint8_t* states, Timestamp first,
                        RecordForm form);
  /// A packet has come, and hooks will be called.
  static void packet(PyObject* rec, Timestamp time);
  /// What Python has put into it.
  static PyObject* own_items(PyObject* rec);
  /// The flow has ended, or its states move elsewhere: borrows nothing any more. With `alone` nobody else has
  /// it, and it need not be complete.
  static void end(PyObject* rec, bool alone);
  /// Puts all that can be found in it in, so that it is complete.
  static bool complete(PyObject* rec);
};

bool add_flow_rec_type(PyObject* module);

/// The record of a flow that has ended: {"pkt_first": ..., the chains' fields, "pkt_last": ...}. What Python
/// has put in comes in place of a native field of the same name; chains that failed over the flow are named
/// in "failed_chains". nullptr: a Python exception is set. With the interpreter's lock.
PyObject* new_record(const ChainSet& chains, const std::uint8_t* states, Timestamp first, Timestamp last,
                     RecordForm form = RecordForm::chains, FailedChains failed = {});

}  // namespace spiderling::python
