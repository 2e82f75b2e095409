// Dumplings in an SQLite file.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/error.h"
#include "spiderling/eater.h"

struct sqlite3;

namespace spiderling {

/// Closes what sqlite3_open_v2() opened.
struct CloseDatabase {
  void operator()(sqlite3* database) const;
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct StoreOptions {
  /// Keeps only the newest so many dumplings, in the order they came in; 0: all.
  std::uint64_t keep = 0;
};

struct StoreCounters {
  std::uint64_t taken = 0;    ///< given to add()
  std::uint64_t stored = 0;   ///< committed
  std::uint64_t dropped = 0;  ///< the queue was full when the store was to end
  std::uint64_t failed = 0;   ///< of transactions that could not be committed
};

/// Adds dumplings to a file, which is made if it is not there. Rows are written by a thread of the store's
/// own, many in a transaction; a transaction is committed after at most half a second. The file is in WAL
/// mode: it can be read, by `spiderling store query` or any SQLite program, while it is written; a crash
/// loses at most the last transaction.
///
///     table dumplings: id, creation_time (seconds since the epoch), chef, kitchen (or NULL), driver, json
///     (the whole dumpling, as it came)
///
/// Full-queue policy: add() waits for room, so that the hub's policy for slow eaters rules; not any more once
/// `hurry` says true, then what finds no room is dropped and counted. Thread-safety: add(), flush() and
/// finish() from one thread; counters() and problem() from any.
class Store {
 public:
  static Result<std::unique_ptr<Store>> open(const std::string& path, StoreOptions options = {});
  /// As finish().
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  void add(const EatenDumpling& dumpling, const std::function<bool()>& hurry = {});
  /// Hands what was added so far to the writing thread.
  void flush(const std::function<bool()>& hurry = {});
  /// Commits everything.
  void finish();

  StoreCounters counters() const;
  /// The first thing that went wrong with the file ("disk full"), in one line; empty: nothing did.
  std::string problem() const;

 private:
  struct Row {
    double creation_time;
    std::string chef;
    std::string kitchen;
    bool has_kitchen;
    bool interval;
    std::string json;
  };
  using Rows = std::vector<Row>;

  Store(std::string path, Database database, StoreOptions options);
  void write();
  void commit();
  void forget_old();
  void write_rows(const Rows& rows);
  bool insert(const Row& row);
  bool execute(const char* sql);
  void note_problem();

  struct Statement;
  const std::string path_;
  const StoreOptions options_;
  Database database_;
  std::unique_ptr<Statement> insert_;
  BoundedQueue<Rows> queue_;
  Rows rows_;
  std::size_t rows_bytes_ = 0;
  std::uint64_t uncommitted_ = 0;  // the writing thread's
  std::atomic<std::uint64_t> taken_ = 0, stored_ = 0, dropped_ = 0, failed_ = 0;
  mutable std::mutex mutex_;
  std::string problem_;
  std::thread thread_;
};

}  // namespace spiderling
