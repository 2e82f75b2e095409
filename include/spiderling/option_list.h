// The command line options of a measurement.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace spiderling {

/// The options of a measurement on the command line, after its name.
///
///     void options(OptionList& list) override {
///       list.number("codepoint", codepoint_, 0, 63, "The DSCP that is tried");
///     }
///     std::int64_t codepoint_ = 48;
class OptionList {
 public:
  using Target =
      std::variant<bool*, std::int64_t*, std::string*, std::vector<std::int64_t>*, std::vector<std::string>*>;
  struct Option {
    std::string name;  ///< "codepoint" for --codepoint
    std::string meaning;
    Target target;
    std::int64_t least = 0;  ///< of a number
    std::int64_t most = 0;
    int values = 1;      ///< of a list of texts
    std::string also{};  ///< further names, with their dashes, between commas: "-c,--point"
  };

  /// Set when given. Targets are members of the measurement; what they hold before is the default.
  void flag(std::string name, bool& target, std::string meaning, std::string also = {}) {
    push({std::move(name), std::move(meaning), &target, 0, 0, 1, std::move(also)});
  }
  void text(std::string name, std::string& target, std::string meaning) {
    push({std::move(name), std::move(meaning), &target});
  }
  void number(std::string name, std::int64_t& target, std::int64_t least, std::int64_t most,
              std::string meaning) {
    push({std::move(name), std::move(meaning), &target, least, most});
  }
  /// May be given several times.
  void numbers(std::string name, std::vector<std::int64_t>& target, std::int64_t least, std::int64_t most,
               std::string meaning) {
    push({std::move(name), std::move(meaning), &target, least, most});
  }
  /// May be given several times; `values` of them each time, 0: as many as follow.
  void texts(std::string name, std::vector<std::string>& target, std::string meaning, int values = 1,
             std::string also = {}) {
    push({std::move(name), std::move(meaning), &target, 0, 0, values, std::move(also)});
  }
  const std::vector<Option>& options() const { return options_; }

 private:
  void push(Option option) { options_.push_back(std::move(option)); }
  std::vector<Option> options_;
};

}  // namespace spiderling
