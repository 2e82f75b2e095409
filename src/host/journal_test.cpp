#include "host/journal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "host/fake_host.h"
#include "host/journal_file.h"
#include "host/left_behind.h"
#include "host/test_journal_folder.h"

namespace spiderling {
namespace {

const Undo undo_a = UndoSysctl{"a", "1", "2"};
const Undo undo_b = UndoSysctl{"b", "1", "2"};

FakeHost host_with_both_changed() {
  FakeHost host;
  host.state.sysctls = {{"a", "2"}, {"b", "2"}};
  return host;
}

std::vector<Undo> on_disk(const std::filesystem::path& path) { return read_journal(path).value().undos; }

// A child that ends as after kill -9 when it has done this with its own journal; its process is gone on
// return.
template <class Work>
void in_process_that_dies(const std::filesystem::path& folder, const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto journal = Journal::open(folder);
    if (!journal) ::_exit(1);
    work(**journal);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
}

TEST(Journal, IsOnDiskBeforeAddReturnsAndGoneWhenAllIsUndone) {
  JournalFolder folder;
  FakeHost host = host_with_both_changed();
  Journal& journal = folder.open();
  EXPECT_TRUE(on_disk(journal.path()).empty());
  const auto first = journal.add(undo_a);
  const auto second = journal.add(undo_b);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(on_disk(journal.path()), (std::vector<Undo>{undo_a, undo_b}));
  EXPECT_EQ(journal.undo(host, *first).put_back.size(), 1U);
  EXPECT_EQ(on_disk(journal.path()), (std::vector<Undo>{undo_b}));
  EXPECT_EQ(journal.undo(host, *second).put_back.size(), 1U);
  EXPECT_TRUE(journal.is_empty() && on_disk(journal.path()).empty());
  EXPECT_EQ(journal.undo(host, *second).text(), "nothing was left to put back");
  folder.journal.reset();
  EXPECT_TRUE(folder.is_empty());
}

TEST(Journal, WhatFailedStays) {
  JournalFolder folder;
  FakeHost host = host_with_both_changed();
  Journal& journal = folder.open();
  const auto entry = journal.add(std::vector<Undo>{undo_a, undo_b});
  ASSERT_TRUE(entry);
  host.failing_change = 1;
  EXPECT_EQ(journal.undo(host, *entry).failed.size(), 1U);
  EXPECT_EQ(on_disk(journal.path()).size(), 2U);
  EXPECT_TRUE(journal.undo(host, *entry).failed.empty());
  EXPECT_TRUE(journal.is_empty());
}

TEST(Journal, IsBounded) {
  JournalFolder folder;
  Journal& journal = folder.open();
  const Undo large = UndoSysctl{"a", std::string(1000, 'x'), "2"};
  int added = 0;
  while (added < 1000 && journal.add(large)) ++added;
  EXPECT_GT(added, 500);
  EXPECT_LT(added, 530);
  EXPECT_LE(std::filesystem::file_size(journal.path()), longest_journal);
  EXPECT_EQ(on_disk(journal.path()).size(), static_cast<std::size_t>(added));
}

TEST(Journal, GrowsNotWithTime) {
  JournalFolder folder;
  FakeHost host;
  Journal& journal = folder.open();
  for (int i = 0; i < 5000; ++i) {
    const auto entry = journal.add(UndoNftTable{"spiderling_1_1"});
    ASSERT_TRUE(entry) << i << ": " << entry.error().message;
    journal.undo(host, *entry);
  }
  EXPECT_LT(std::filesystem::file_size(journal.path()), 200U);
}

TEST(Journal, WhatCouldNotBeReadBackIsNotTaken) {
  JournalFolder folder;
  Journal& journal = folder.open();
  EXPECT_FALSE(journal.add(UndoNftTable{"firewall"}));
  EXPECT_FALSE(journal.add(UndoSysctl{"../x", "1", "2"}));
  EXPECT_TRUE(on_disk(journal.path()).empty());
}

TEST(Journal, OneForAProcess) {
  JournalFolder folder;
  folder.open();
  EXPECT_FALSE(Journal::open(folder.path));
}

TEST(Journal, FolderMustBeOursAlone) {
  JournalFolder folder;
  ASSERT_EQ(::chmod(folder.path.c_str(), 0777), 0);
  EXPECT_FALSE(Journal::open(folder.path));
  FakeHost host;
  EXPECT_FALSE(restore_left_behind(host, folder.path));
  ASSERT_EQ(::chmod(folder.path.c_str(), 0700), 0);
  const auto link = folder.path / "link";
  std::filesystem::create_directory_symlink(folder.path, link);
  EXPECT_FALSE(Journal::open(link));
  EXPECT_FALSE(Journal::open("/proc/spiderling"));
}

TEST(Journal, NamesTellProcesses) {
  const ProcessId process{1234, 987654321};
  EXPECT_EQ(process_of_journal(journal_name(process)), process);
  for (const char* name :
       {"", ".journal", "1.journal", "1-.journal", "-1-2.journal", "1-2", "1-2.journal.new", "0-2.journal",
        "x1-2.journal", "1-2x.journal", "99999999999-1.journal"})
    EXPECT_FALSE(process_of_journal(name)) << name;
  const auto self = ProcessId::of(::getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(self->is_alive());
  EXPECT_FALSE((ProcessId{self->number, self->started + 1}.is_alive()));  // the number was given to another
}

TEST(LeftBehind, OfADeadProcessIsUndoneOnce) {
  JournalFolder folder;
  in_process_that_dies(folder.path, [](Journal& journal) {
    if (!journal.add(undo_a)) ::_exit(2);
    if (!journal.add(undo_b)) ::_exit(3);
  });
  FakeHost host = host_with_both_changed();
  const auto found = restore_left_behind(host, folder.path);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->lines.size(), 1U);
  EXPECT_NE(found->lines[0].find("a = 1"), std::string::npos) << found->lines[0];
  EXPECT_EQ(host.state.sysctls["a"], "1");
  EXPECT_EQ(host.state.sysctls["b"], "1");
  EXPECT_TRUE(folder.is_empty());
  EXPECT_TRUE(restore_left_behind(host, folder.path).value().lines.empty());
}

TEST(LeftBehind, OfALivingProcessIsNotTouched) {
  JournalFolder folder;
  FakeHost host = host_with_both_changed();
  ASSERT_TRUE(folder.open().add(undo_a));
  EXPECT_TRUE(restore_left_behind(host, folder.path).value().lines.empty());
  EXPECT_EQ(host.changes, 0);
  EXPECT_EQ(on_disk(folder.journal->path()).size(), 1U);
}

TEST(LeftBehind, IsKeptIfItCannotBeUndone) {
  JournalFolder folder;
  in_process_that_dies(folder.path, [](Journal& journal) {
    if (!journal.add(undo_a)) ::_exit(2);
  });
  FakeHost host = host_with_both_changed();
  host.failing_change = 1;
  EXPECT_EQ(restore_left_behind(host, folder.path).value().lines.size(), 1U);
  EXPECT_FALSE(folder.is_empty());
  EXPECT_EQ(restore_left_behind(host, folder.path).value().lines.size(), 1U);
  EXPECT_EQ(host.state.sysctls["a"], "1");
  EXPECT_TRUE(folder.is_empty());
}

TEST(LeftBehind, OfAnEarlierBootIsOnlyForgotten) {
  JournalFolder folder;
  NetworkPlace place = NetworkPlace::here().value();
  place.boot = "another-boot";
  std::ofstream(folder.path / journal_name({4194310, 1}))
      << journal_header(place) << "+1 " << undo_to_text(undo_a) << "\n";
  FakeHost host = host_with_both_changed();
  EXPECT_TRUE(restore_left_behind(host, folder.path).value().lines.empty());
  EXPECT_EQ(host.changes, 0);
  EXPECT_TRUE(folder.is_empty());
}

TEST(LeftBehind, ALineCutOffWasNeverActedUpon) {
  JournalFolder folder;
  const auto path = folder.path / journal_name({4194310, 1});
  std::ofstream(path) << journal_header(NetworkPlace::here().value()) << "+1 " << undo_to_text(undo_a)
                      << "\n+2 sysctl b";
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(on_disk(path), std::vector<Undo>{undo_a});
}

TEST(LeftBehind, DraftsOfTheDeadGo) {
  JournalFolder folder;
  std::ofstream(folder.path / "4194310-1.journal.new") << "half";
  FakeHost host;
  EXPECT_TRUE(restore_left_behind(host, folder.path).value().lines.empty());
  EXPECT_TRUE(folder.is_empty());
}

TEST(LeftBehind, NoFolderIsNothingLeft) {
  FakeHost host;
  EXPECT_TRUE(restore_left_behind(host, testing::TempDir() + "/no-such-folder").value().lines.empty());
}

}  // namespace
}  // namespace spiderling
