// What every stage that waits for the network includes besides.
#pragma once
#include "pch.h"

#include "base/boost_asio.h"
