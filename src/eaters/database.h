// The little of SQLite that the store needs. For src/eaters itself.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>

#include "eaters/store.h"

namespace spiderling {

/// "DUMP": marks a file as a store of dumplings (PRAGMA application_id).
inline constexpr int store_application_id = 0x44554d50;
/// PRAGMA user_version: raised with every change of the table.
inline constexpr int store_version = 1;

/// Opens a store; with `writable` makes it if it is not there. An error says why in one line.
Result<Database> open_store(const std::string& path, bool writable);

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using PreparedStatement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// Null if the SQL is wrong.
PreparedStatement prepare(sqlite3* database, const std::string& sql);

/// The text lives until the statement is executed.
inline void bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
  sqlite3_bind_text64(statement, index, text.data(), text.size(), nullptr, SQLITE_UTF8);
}
inline std::string_view column_text(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}

}  // namespace spiderling
