#include "eaters/store.h"

#include <chrono>

#include "eaters/database.h"

namespace spiderling {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t rows_at_once = 1000;      // handed to the writing thread together
constexpr std::size_t bytes_at_once = 1 << 20;  // or so many bytes
constexpr std::size_t waiting_batches = 32;     // 32 MiB and one dumpling, at most
constexpr std::uint64_t rows_a_transaction = 20'000;
constexpr auto commit_after = 500ms;

}  // namespace

struct Store::Statement {
  PreparedStatement prepared;
};

Result<std::unique_ptr<Store>> Store::open(const std::string& path, StoreOptions options) {
  auto database = open_store(path, true);
  if (!database) return tl::unexpected(database.error());
  std::unique_ptr<Store> store(new Store(path, std::move(*database), options));
  if (!store->insert_->prepared)
    return error("cannot write the store {}: its table is not as expected", path);
  store->thread_ = std::thread([raw = store.get()] { raw->write(); });
  return store;
}

Store::Store(std::string path, Database database, StoreOptions options)
    : path_(std::move(path)),
      options_(options),
      database_(std::move(database)),
      insert_(std::make_unique<Statement>()),
      queue_(waiting_batches) {
  insert_->prepared = prepare(
      database_.get(), "INSERT INTO dumplings(creation_time, chef, kitchen, driver, json) VALUES(?,?,?,?,?)");
}

Store::~Store() { finish(); }

void Store::add(const EatenDumpling& dumpling, const std::function<bool()>& hurry) {
  ++taken_;
  rows_.push_back({dumpling.creation_time, std::string(dumpling.chef),
                   std::string(dumpling.kitchen.value_or("")), dumpling.kitchen.has_value(),
                   dumpling.driver == DumplingDriver::interval, std::string(dumpling.json)});
  rows_bytes_ += dumpling.json.size();
  if (rows_.size() >= rows_at_once || rows_bytes_ >= bytes_at_once) flush(hurry);
}

void Store::flush(const std::function<bool()>& hurry) {
  if (rows_.empty()) return;
  const std::uint64_t rows = rows_.size();
  while (!queue_.try_push(std::move(rows_))) {
    if (hurry && hurry()) {
      dropped_ += rows;
      break;
    }
    std::this_thread::sleep_for(2ms);
  }
  rows_ = Rows();
  rows_bytes_ = 0;
}

void Store::finish() {
  if (!thread_.joinable()) return;
  flush();
  queue_.close();
  thread_.join();
}

// The writing thread.
void Store::write() {
  auto began = std::chrono::steady_clock::now();
  while (!queue_.finished()) {
    const auto rows = queue_.pop_for(uncommitted_ > 0 ? commit_after / 5 : commit_after);
    const auto now = std::chrono::steady_clock::now();
    if (rows) {
      if (uncommitted_ == 0) began = now;
      write_rows(*rows);
    }
    if (uncommitted_ > 0 && (uncommitted_ >= rows_a_transaction || now - began >= commit_after)) commit();
  }
  commit();
}

void Store::write_rows(const Rows& rows) {
  const auto in_transaction = [this] { return sqlite3_get_autocommit(database_.get()) == 0; };
  if (!in_transaction() && !execute("BEGIN IMMEDIATE")) {
    failed_ += rows.size();
    return;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (insert(rows[i])) {
      ++uncommitted_;
    } else if (in_transaction()) {
      ++failed_;
    } else {  // SQLite has given the whole transaction up: the disk is full, for example
      failed_ += uncommitted_ + rows.size() - i;
      uncommitted_ = 0;
      return;
    }
  }
}

bool Store::insert(const Row& row) {
  sqlite3_stmt* const statement = insert_->prepared.get();
  sqlite3_bind_double(statement, 1, row.creation_time);
  bind_text(statement, 2, row.chef);
  if (row.has_kitchen) {
    bind_text(statement, 3, row.kitchen);
  } else {
    sqlite3_bind_null(statement, 3);
  }
  bind_text(statement, 4, row.interval ? "interval" : "packet");
  bind_text(statement, 5, row.json);
  const bool done = sqlite3_step(statement) == SQLITE_DONE;
  if (!done) note_problem();
  sqlite3_reset(statement);
  return done;
}

void Store::commit() {
  if (sqlite3_get_autocommit(database_.get()) != 0) return;
  forget_old();
  if (execute("COMMIT")) {
    stored_ += uncommitted_;
  } else {
    failed_ += uncommitted_;
    execute("ROLLBACK");
  }
  uncommitted_ = 0;
}

// Within the transaction; SQLite uses the room again.
void Store::forget_old() {
  if (options_.keep == 0) return;
  execute(fmt::format("DELETE FROM dumplings WHERE id <= (SELECT max(id) FROM dumplings) - {}", options_.keep)
              .c_str());
}

bool Store::execute(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return true;
  note_problem();
  return false;
}

void Store::note_problem() {
  const std::lock_guard lock(mutex_);
  if (problem_.empty())
    problem_ = fmt::format("cannot write the store {}: {}", path_, sqlite3_errmsg(database_.get()));
}

StoreCounters Store::counters() const { return {taken_, stored_, dropped_, failed_}; }

std::string Store::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

}  // namespace spiderling
