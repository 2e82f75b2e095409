// What it takes to leave a host as it was found: one line of text for each change, and carrying them out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "host/host.h"

namespace spiderling {

/// Put a setting back, if it still has the value that we gave it.
struct UndoSysctl {
  std::string name;
  std::string before;
  std::string written;
  bool operator==(const UndoSysctl&) const = default;
};

/// Put a setting back, whoever has given it which value: it was found so before code that is not ours ran.
struct UndoFound {
  std::string name;
  std::string before;
  bool operator==(const UndoFound&) const = default;
};

/// Remove an nft table of ours.
struct UndoNftTable {
  std::string name;
  bool operator==(const UndoNftTable&) const = default;
};

/// Remove a rule of ours.
struct UndoRule {
  PolicyRule rule;
  bool operator==(const UndoRule&) const = default;
};

/// Remove our routes from a table of ours.
struct UndoRoutes {
  Family family = Family::v4;
  std::uint32_t table = 0;
  bool operator==(const UndoRoutes&) const = default;
};

using Undo = std::variant<UndoSysctl, UndoFound, UndoNftTable, UndoRule, UndoRoutes>;

/// One line without its newline.
std::string undo_to_text(const Undo& undo);
/// Only what spiderling itself could have written: any other name, table or rule is an error.
Result<Undo> undo_from_text(std::string_view line);

/// What was done about a list of undos, each a few words for a person.
struct UndoReport {
  std::vector<std::string> put_back;
  std::vector<std::string> left;    ///< settings that someone else has changed since
  std::vector<std::string> failed;  ///< what is still as we made it, and why
  std::string text() const;         ///< all of it in one line
};

/// Undoes all of them, the last one first, whatever fails on the way. Carrying it out twice does what once
/// does, and what is not there (any more) needs no undoing.
UndoReport carry_out(Host& host, std::span<const Undo> undos);

}  // namespace spiderling
