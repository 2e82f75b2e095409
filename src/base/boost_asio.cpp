// Asio and Beast, compiled once: nothing else includes their src.hpp.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
