// The metadata of a file of results: R.ndjson.meta.json beside R.ndjson.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/error.h"

namespace spiderling {

/// The `_file_type` of results, as PATHspider has named it.
inline constexpr std::string_view results_file_type = "ps-ndjson";

/// FILE.meta.json
std::string metadata_path(const std::string& file);

/// As JSON for people: indented, short values in one line, a newline at the end.
std::string metadata_text(const boost::json::object& members);

/// What a metadata file holds; nothing if there is no such file. Error: it is no JSON object.
Result<boost::json::object> read_metadata(const std::string& path);

/// A member as text; empty if there is none, or it is no text.
std::string text_member(const boost::json::object& members, std::string_view name);

}  // namespace spiderling
