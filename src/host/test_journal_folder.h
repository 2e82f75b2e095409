// A folder for journals, gone with the test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "host/journal.h"

namespace spiderling {

struct JournalFolder {
  std::filesystem::path path;
  std::unique_ptr<Journal> journal;

  JournalFolder() {
    std::string pattern = testing::TempDir() + "/journal-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for the test");
    path = pattern;
  }
  ~JournalFolder() {
    journal.reset();
    std::filesystem::remove_all(path);
  }
  Journal& open() {
    auto opened = Journal::open(path);
    if (!opened) throw std::runtime_error(opened.error().message);
    journal = std::move(*opened);
    return *journal;
  }
  bool is_empty() const { return std::filesystem::is_empty(path); }
};

}  // namespace spiderling
