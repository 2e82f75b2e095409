#include "host/guardian.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "host/fake_host.h"
#include "host/test_journal_folder.h"

namespace spiderling {
namespace {

using namespace std::chrono_literals;

/// A host of one setting, which is a file: processes see each other's changes.
class FileHost final : public Host, private Sysctls {
 public:
  explicit FileHost(std::filesystem::path file) : file_(std::move(file)) {}
  Sysctls& sysctls() override { return *this; }
  Result<std::string> read(const std::string&) override {
    std::ifstream file(file_);
    std::string value;
    std::getline(file, value);
    return value;
  }
  Result<void> write(const std::string&, const std::string& value) override {
    std::ofstream(file_) << value << "\n";
    return {};
  }
  Result<std::string> nft_ruleset() override { return fake_.nft_ruleset(); }
  Result<std::optional<std::string>> nft_table(const std::string& name) override {
    return fake_.nft_table(name);
  }
  Result<void> add_nft_table(const std::string& n, const std::string& b) override {
    return fake_.add_nft_table(n, b);
  }
  Result<void> remove_nft_table(const std::string& name) override { return fake_.remove_nft_table(name); }
  bool has_family(Family family) override { return fake_.has_family(family); }
  Result<std::vector<PolicyRule>> rules(Family family) override { return fake_.rules(family); }
  Result<void> add_rule(const PolicyRule& rule) override { return fake_.add_rule(rule); }
  Result<void> remove_rule(const PolicyRule& rule) override { return fake_.remove_rule(rule); }
  Result<std::vector<Route>> routes(Family family, std::uint32_t t) override {
    return fake_.routes(family, t);
  }
  Result<bool> table_is_used(std::uint32_t table) override { return fake_.table_is_used(table); }
  Result<bool> add_ecn_copy(const Route& route, std::uint32_t t) override {
    return fake_.add_ecn_copy(route, t);
  }
  Result<void> add_device_route(Family family, const std::string& device, std::uint32_t table) override {
    return fake_.add_device_route(family, device, table);
  }
  Result<void> remove_route(const Route& route) override { return fake_.remove_route(route); }
  Result<bool> route_has_ecn(const std::string& a, std::uint32_t m) override {
    return fake_.route_has_ecn(a, m);
  }

 private:
  std::filesystem::path file_;
  FakeHost fake_;
};

struct Guarded {
  JournalFolder journals;
  JournalFolder other;
  std::filesystem::path setting = other.path / "setting";
  FileHost host{setting};

  Guarded() { set("1"); }
  void set(const std::string& value) { EXPECT_TRUE(host.sysctls().write("a", value)); }
  std::string value() { return host.sysctls().read("a").value(); }
  Guardian start() {
    return std::move(Guardian::start(*journals.journal, [file = setting] {
                       return std::make_unique<FileHost>(file);
                     }).value());
  }
  Journal::Entry change() {
    const auto entry = journals.journal->add(UndoSysctl{"a", "1", "2"});
    set("2");
    return entry.value();
  }
};

/// Waits for what must come, a minute at most.
bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(Guardian, GoesWithoutATraceWhenAllIsWell) {
  Guarded guarded;
  guarded.journals.open();
  pid_t process = 0;
  {
    const Guardian guardian = guarded.start();
    process = guardian.process();
    guarded.journals.journal->undo(guarded.host, guarded.change());
  }
  EXPECT_NE(::kill(process, 0), 0);
  EXPECT_EQ(guarded.value(), "1");
  EXPECT_TRUE(guarded.journals.is_empty());
}

TEST(Guardian, UndoesWhatIsLeftWhenToldToGo) {
  Guarded guarded;
  guarded.journals.open();
  {
    const Guardian guardian = guarded.start();
    guarded.change();
  }
  EXPECT_EQ(guarded.value(), "1");
  EXPECT_TRUE(guarded.journals.is_empty());
}

TEST(Guardian, UndoesWhenTheProcessIsKilled) {
  Guarded guarded;
  const pid_t child = ::fork();
  if (child == 0) {
    guarded.journals.open();
    const Guardian guardian = guarded.start();
    guarded.change();
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(comes_true([&] { return guarded.journals.is_empty(); }));
  EXPECT_EQ(guarded.value(), "1");
}

TEST(Guardian, ADeadlineUndoesWhileTheProcessLives) {
  Guarded guarded;
  guarded.journals.open();
  Guardian guardian = guarded.start();
  const auto entry = guarded.change();
  ASSERT_TRUE(guardian.undo_after(1ms));
  EXPECT_TRUE(comes_true([&] { return guarded.value() == "1"; }));
  EXPECT_FALSE(guarded.journals.is_empty());  // ours to finish
  EXPECT_TRUE(guarded.journals.journal->undo(guarded.host, entry).failed.empty());
}

TEST(Guardian, ADeadlineCanBeCalledOff) {
  Guarded guarded;
  guarded.journals.open();
  {
    Guardian guardian = guarded.start();
    ASSERT_TRUE(guardian.undo_after(1h));
    ASSERT_TRUE(guardian.call_off());
    guarded.journals.journal->undo(guarded.host, guarded.change());
  }
  EXPECT_EQ(guarded.value(), "1");
}

TEST(Guardian, OneThatWasKilledIsMissed) {
  Guarded guarded;
  guarded.journals.open();
  Guardian guardian = guarded.start();
  ::kill(guardian.process(), SIGKILL);
  EXPECT_TRUE(comes_true([&] { return !guardian.undo_after(1h); }));
}

}  // namespace
}  // namespace spiderling
