// What every command includes besides.
#pragma once
#include "asio_pch.h"

#include <CLI/CLI.hpp>
