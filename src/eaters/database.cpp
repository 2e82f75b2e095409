#include "eaters/database.h"

#include <fmt/format.h>

namespace spiderling {

namespace {

constexpr int busy_timeout_ms = 5000;  // another program may hold the file for so long

std::string with_code(sqlite3* database, const std::string& what) {
  return fmt::format("{}: {}", what, sqlite3_errmsg(database));
}

Result<int> pragma(sqlite3* database, const std::string& path, const char* name) {
  const auto statement = prepare(database, fmt::format("PRAGMA {}", name));
  if (!statement || sqlite3_step(statement.get()) != SQLITE_ROW) {
    return tl::unexpected(Error{with_code(database, fmt::format("cannot read the store {}", path))});
  }
  return sqlite3_column_int(statement.get(), 0);
}

Result<void> execute(sqlite3* database, const std::string& path, const std::string& sql) {
  if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return tl::unexpected(Error{with_code(database, fmt::format("cannot write the store {}", path))});
}

Result<void> make_tables(sqlite3* database, const std::string& path) {
  return execute(database, path,
                 fmt::format("BEGIN IMMEDIATE;"
                             "CREATE TABLE IF NOT EXISTS dumplings("
                             " id INTEGER PRIMARY KEY, creation_time REAL NOT NULL, chef TEXT NOT NULL,"
                             " kitchen TEXT, driver TEXT NOT NULL, json TEXT NOT NULL);"
                             "CREATE INDEX IF NOT EXISTS dumplings_by_time ON dumplings(creation_time);"
                             "PRAGMA application_id={};PRAGMA user_version={};COMMIT;",
                             store_application_id, store_version));
}

// Whether the file is a store that this program knows; 0: it is empty.
Result<int> version_of(sqlite3* database, const std::string& path) {
  const auto id = pragma(database, path, "application_id");
  if (!id) return id;
  const auto version = pragma(database, path, "user_version");
  if (!version) return version;
  const auto tables = pragma(database, path, "schema_version");
  if (!tables) return tables;
  if (*id == 0 && *version == 0 && *tables == 0) return 0;
  if (*id != store_application_id) return error("{} is a database, but no store of dumplings", path);
  if (*version > store_version) {
    return error("the store {} is of version {}, made by a newer program; this one knows {}", path, *version,
                 store_version);
  }
  return version;
}

}  // namespace

void CloseDatabase::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

PreparedStatement prepare(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(database, sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr);
  return PreparedStatement(statement);
}

Result<Database> open_store(const std::string& path, bool writable) {
  sqlite3* opened = nullptr;
  const int flags = (writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  const int status = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  Database database(opened);
  if (status != SQLITE_OK) {
    return error("cannot open the store {}: {}", path,
                 opened == nullptr ? "no memory" : sqlite3_errmsg(opened));
  }
  sqlite3_busy_timeout(opened, busy_timeout_ms);
  const auto version = version_of(opened, path);
  if (!version) return tl::unexpected(version.error());
  if (!writable) {
    if (*version == 0) return error("{} is empty: no dumplings were stored in it", path);
    return database;
  }
  // WAL: readers and the writer do not wait for each other. NORMAL: a transaction is safe from a crash of
  // this program; a power cut may cost the last ones, never the file.
  for (const char* setting : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL"}) {
    if (const auto done = execute(opened, path, setting); !done) return tl::unexpected(done.error());
  }
  if (const auto made = make_tables(opened, path); !made) return tl::unexpected(made.error());
  return database;
}

}  // namespace spiderling
