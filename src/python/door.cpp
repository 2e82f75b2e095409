// What the program finds in libspiderling-python.so.
#include "python/host.h"

namespace spiderling::python {

namespace {

PythonHost* open(const PythonFolders& folders, Error& problem) {
  const auto started = start_interpreter(folders);
  if (!started) {
    problem = started.error();
    return nullptr;
  }
  static Host host;
  return &host;
}

}  // namespace

}  // namespace spiderling::python

extern "C" {
extern const spiderling::PythonDoor spiderling_python_door;
const spiderling::PythonDoor spiderling_python_door{spiderling::python_door_version,
                                                    spiderling::python::open};
}
