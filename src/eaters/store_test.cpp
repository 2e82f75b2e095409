#include "eaters/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "eaters/database.h"
#include "eaters/store_query.h"

namespace spiderling {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string name = ::testing::TempDir() + "/store_test.XXXXXX";
    folder_ = mkdtemp(name.data());
    path_ = folder_ + "/dumplings.db";
  }
  ~StoreTest() override { std::filesystem::remove_all(folder_); }

  static EatenDumpling dumpling(std::string_view chef, double time, std::string_view json,
                                std::optional<std::string_view> kitchen = "k") {
    EatenDumpling d;
    d.chef = chef;
    d.kitchen = kitchen;
    d.creation_time = time;
    d.json = json;
    return d;
  }
  std::vector<std::string> query(const StoreQuery& wanted = {}) {
    std::vector<std::string> found;
    const auto rows = query_store(path_, wanted, [&](const EatenDumpling& d) {
      found.emplace_back(d.json);
      return true;
    });
    EXPECT_TRUE(rows) << rows.error().message;
    return found;
  }
  void store_some() {
    auto store = Store::open(path_);
    ASSERT_TRUE(store) << store.error().message;
    (*store)->add(dumpling("A", 10, "a10"));
    (*store)->add(dumpling("B", 30, "b30", "other"));
    (*store)->add(dumpling("A", 20, "a20", std::nullopt));
    (*store)->finish();
    EXPECT_EQ((*store)->counters().stored, 3u);
    EXPECT_EQ((*store)->problem(), "");
  }

  std::string folder_, path_;
};

TEST_F(StoreTest, ComesBackInTheOrderOfTime) {
  store_some();
  EXPECT_THAT(query(), ElementsAre("a10", "a20", "b30"));
}

TEST_F(StoreTest, Queries) {
  store_some();
  EXPECT_THAT(query({.since = 20}), ElementsAre("a20", "b30"));
  EXPECT_THAT(query({.until = 30}), ElementsAre("a10", "a20"));
  EXPECT_THAT(query({.chefs = {"A", "C"}}), ElementsAre("a10", "a20"));
  EXPECT_THAT(query({.kitchens = {"k", "other"}}), ElementsAre("a10", "b30"));
  EXPECT_THAT(query({.limit = 2}), ElementsAre("a20", "b30"));
  EXPECT_THAT(query({.since = 5, .until = 25, .chefs = {"A"}, .kitchens = {"k"}, .limit = 9}),
              ElementsAre("a10"));
  EXPECT_THAT(query({.chefs = {"A' OR 1 --"}}), ElementsAre());
}

TEST_F(StoreTest, RowsAreWhole) {
  auto store = Store::open(path_);
  EatenDumpling d = dumpling("chef", 1515990765.925951, "{}", std::nullopt);
  d.driver = DumplingDriver::interval;
  (*store)->add(d);
  (*store)->finish();
  ASSERT_TRUE(query_store(path_, {}, [](const EatenDumpling& row) {
    EXPECT_EQ(row.chef, "chef");
    EXPECT_FALSE(row.kitchen);
    EXPECT_EQ(row.driver, DumplingDriver::interval);
    EXPECT_EQ(row.creation_time, 1515990765.925951);
    return true;
  }));
}

TEST_F(StoreTest, AnotherRunAddsToIt) {
  store_some();
  store_some();
  EXPECT_EQ(query().size(), 6u);
}

TEST_F(StoreTest, ManyWhileSomebodyReads) {
  auto store = Store::open(path_);
  ASSERT_TRUE(store);
  const std::string json(200, 'x');
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) query({.limit = 10});
  });
  for (int i = 0; i < 50'000; ++i) {
    (*store)->add(dumpling("A", i, json));
    if (i % 100 == 0) (*store)->flush();
  }
  (*store)->finish();
  done = true;
  reader.join();
  EXPECT_EQ((*store)->counters().taken, 50'000u);
  EXPECT_EQ((*store)->counters().stored, 50'000u);
  EXPECT_EQ(query().size(), 50'000u);
}

TEST_F(StoreTest, CommitsSoonWithoutBeingAsked) {
  auto store = Store::open(path_);
  (*store)->add(dumpling("A", 1, "one"));
  (*store)->flush();
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (query().empty() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(10ms);
  EXPECT_THAT(query(), ElementsAre("one"));
}

TEST_F(StoreTest, KeepsOnlyTheNewest) {
  auto store = Store::open(path_, {.keep = 3});
  for (int i = 0; i < 10; ++i) (*store)->add(dumpling("A", 100 - i, std::to_string(i)));
  (*store)->finish();
  EXPECT_THAT(query(), ElementsAre("9", "8", "7"));
}

// Lets no file of this process grow beyond a size, as a full disk does, while it lives.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(StoreTest, AFullDiskIsReportedAndCounted) {
  auto store = Store::open(path_);
  (*store)->add(dumpling("A", 1, "first"));
  const std::string json(100'000, 'x');
  {
    const SmallDisk disk(500'000);
    for (int i = 0; i < 100; ++i) (*store)->add(dumpling("A", i, json));
    (*store)->finish();
  }
  const auto counters = (*store)->counters();
  EXPECT_THAT((*store)->problem(), HasSubstr("cannot write the store"));
  EXPECT_GT(counters.failed, 0u);
  EXPECT_EQ(counters.taken, counters.stored + counters.failed + counters.dropped);
  EXPECT_EQ(query().size(), counters.stored);
}

TEST_F(StoreTest, WhatIsNoStoreIsRefused) {
  std::ofstream(path_) << std::string(5000, 'x');
  EXPECT_THAT(Store::open(path_).error().message, HasSubstr("not a database"));
  std::filesystem::remove(path_);
  EXPECT_THAT(Store::open("/no/such/folder/x.db").error().message, HasSubstr("/no/such/folder/x.db"));
  EXPECT_THAT(query_store(path_, {}, {}).error().message, HasSubstr("unable to open"));
  {
    sqlite3* other = nullptr;
    sqlite3_open(path_.c_str(), &other);
    sqlite3_exec(other, "CREATE TABLE mine(x)", nullptr, nullptr, nullptr);
    sqlite3_close(other);
  }
  EXPECT_THAT(Store::open(path_).error().message, HasSubstr("no store of dumplings"));
  EXPECT_THAT(query_store(path_, {}, {}).error().message, HasSubstr("no store of dumplings"));
}

TEST_F(StoreTest, AStoreOfANewerProgramIsRefused) {
  store_some();
  {
    auto database = open_store(path_, true);
    sqlite3_exec(database->get(), "PRAGMA user_version=999", nullptr, nullptr, nullptr);
  }
  EXPECT_THAT(Store::open(path_).error().message, HasSubstr("version 999"));
}

TEST(ParseTime, AllForms) {
  const auto now = std::chrono::system_clock::from_time_t(1'000'000);
  EXPECT_EQ(parse_time("1515990765.5", now).value(), 1515990765.5);
  EXPECT_EQ(parse_time("2h", now).value(), 1'000'000 - 7200);
  EXPECT_EQ(parse_time("0.5d", now).value(), 1'000'000 - 43200);
  EXPECT_EQ(parse_time("30s", now).value(), 1'000'000 - 30);
  EXPECT_EQ(parse_time("2018-01-15T04:32:45Z", now).value(), 1515990765);
  EXPECT_EQ(parse_time("2018-01-15 04:32:45.25Z", now).value(), 1515990765.25);
  EXPECT_EQ(parse_time("2018-01-15Z", now).value(), 1515974400);
  EXPECT_TRUE(parse_time("2018-01-15T04:32", now));
  for (const char* text :
       {"", "x", "h", "-1h", "1w", "2018-13-01", "2018-01-15T04:32:45.x", "2018-01-15T04:32:45+01"}) {
    EXPECT_FALSE(parse_time(text, now)) << text;
  }
}

}  // namespace
}  // namespace spiderling
