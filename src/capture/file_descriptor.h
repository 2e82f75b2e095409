// FileDescriptor moved to base, where host and lab have it too.
#pragma once

#include "base/file_descriptor.h"
