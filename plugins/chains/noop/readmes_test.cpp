// Every chain's README.md says of its fields what the chain says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "app/test_run_chain.h"

namespace spiderling {
namespace {

namespace fs = std::filesystem;

// plugins/chains of the source tree that this program was built in; empty if it is not there.
fs::path chains_folder() {
  std::error_code ignored;
  const auto is_it = [&](const fs::path& folder) { return fs::exists(folder / "noop/noop.cpp", ignored); };
  const fs::path beside_this = fs::path(__FILE__).parent_path().parent_path();
  if (is_it(beside_this)) return beside_this;
  for (fs::path up = fs::read_symlink("/proc/self/exe", ignored); up.has_relative_path();
       up = up.parent_path()) {
    if (is_it(up / "plugins/chains")) return up / "plugins/chains";
  }
  return {};
}

std::string type_of(const Field& field) {
  const bool nullable = field.nullable || field.type == FieldType::address || field.type == FieldType::f64;
  const std::string type = field.type == FieldType::boolean   ? "bool"
                           : field.type == FieldType::address ? "string"
                           : field.type == FieldType::f64     ? "float"
                                                              : "int";
  return nullable ? type + " or null" : type;
}

std::vector<std::string> rows_of_readme(const fs::path& readme) {
  std::ifstream file(readme);
  std::vector<std::string> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `")) rows.push_back(line);
  }
  return rows;
}

TEST(ChainReadmes, HaveTheFieldsThatTheChainsHave) {
  const fs::path folder = chains_folder();
  if (folder.empty())
    GTEST_SKIP()
        << "SKIPPED: the source tree is not where it was; the READMEs of the chains were not checked";
  for (const ChainDescription* chain : Registry::built_in().chains()) {
    const fs::path readme = folder / chain->name / "README.md";
    ASSERT_TRUE(fs::exists(readme)) << chain->name << " has no README.md";
    std::vector<std::string> expected;
    for (const Field& field : chain->fields) {
      expected.push_back(fmt::format("| `{}` | {} | {} |", field.name, type_of(field), field.meaning));
    }
    EXPECT_THAT(rows_of_readme(readme), ::testing::ElementsAreArray(expected)) << readme;
  }
}

TEST(ChainReadmes, TheProgramHasTheseChains) {
  std::vector<std::string> names;
  for (const ChainDescription* chain : Registry::built_in().chains()) names.emplace_back(chain->name);
  EXPECT_THAT(names, ::testing::ElementsAre("basic", "dns", "dscp", "ecn", "evil", "icmp", "mss", "noop",
                                            "syn", "tcp", "tcpopt", "tfo", "udp"));
}

TEST(Chains, AllTogetherGiveOneRecordWithEveryField) {
  using namespace testing;
  const Hosts h = hosts(IpVersion::v4);
  std::vector<std::string> names;
  std::size_t fields = 2;
  for (const ChainDescription* chain : Registry::built_in().chains()) {
    names.emplace_back(chain->name);
    fields += chain->fields.size();
  }
  Trace trace = trace_of({tcp_packet(h.client, h.server, tcp_flag::syn)});
  const auto records = run_chains(names, trace);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].members.size(), fields);
}

}  // namespace
}  // namespace spiderling
