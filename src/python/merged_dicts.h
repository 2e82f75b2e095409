// Merged flows as PATHspider's combine_flows() is given them, dictionaries, and back into what native
// combiners read.
#pragma once

#include <Python.h>

#include <unordered_map>

#include "flows/chain_set.h"
#include "python/ref.h"
#include "spiders/merger.h"

namespace spiderling::python {

/// Reads the flows of jobs of one measurement. With the interpreter's lock, its destructor too.
class MergedDicts {
 public:
  /// `chains` outlives it.
  explicit MergedDicts(const ChainSet& chains);

  /// The flows of one job, a sequence of mappings with at least `observed` and `spdr_state`. A field of a
  /// chain that is missing is as in a flow that has just begun: not seen. `lossy` may be missing too. What
  /// else there is, and JSON can say, is what a connector added. Times are not read. False: a Python
  /// exception is set.
  bool read(PyObject* flows, MergedJob& job) const;

 private:
  struct Place {
    Field field;
    std::uint32_t state_offset;
  };
  bool read_flow(PyObject* flow, JobConnection& connection) const;
  bool read_states(PyObject* flow, JobConnection& connection) const;
  bool read_connector(PyObject* flow, ConnectionRecord& record) const;

  const ChainSet& chains_;
  std::unordered_map<std::string, Place> places_;
  Ref encoder_;
};

}  // namespace spiderling::python
