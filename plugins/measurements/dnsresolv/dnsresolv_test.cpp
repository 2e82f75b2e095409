// A job and what a resolver says in, jobs out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>

#include "plugins/registry.h"
#include "spiderling/measurement.h"

namespace spiderling {
namespace {

using ::testing::ElementsAre;

class ScriptedResolver final : public Resolver {
 public:
  explicit ScriptedResolver(ResolvedName answer) : answer_(std::move(answer)) {}
  Task<ResolvedName> resolve(std::string name) override {
    asked = std::move(name);
    co_return answer_;
  }
  std::string asked;

 private:
  ResolvedName answer_;
};

// Runs a task that waits for nothing but what is there.
struct Driver {
  struct promise_type {
    Driver get_return_object() const { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const {}
    void unhandled_exception() const { throw; }
  };
};
Driver drive(Task<Expansion> task, std::optional<Expansion>& result) { result = co_await task; }

class DnsresolvTest : public ::testing::Test {
 protected:
  static const MeasurementDescription& description() {
    for (const MeasurementDescription* one : Registry::built_in().measurements()) {
      if (std::string_view(one->name) == "dnsresolv") return *one;
    }
    throw std::runtime_error("no measurement is named dnsresolv");
  }
  Expansion expand(const Job& job) {
    const auto measurement = description().create();
    std::optional<Expansion> result;
    drive(measurement->expander()->expand(job, resolver_), result);
    return std::move(result.value());
  }
  static Job job(std::string domain, std::string members) {
    Job made;
    made.domain = std::move(domain);
    made.members = std::move(members);
    made.line = 7;
    return made;
  }
  static std::vector<std::string> members_of(const Expansion& expansion) {
    std::vector<std::string> all;
    for (const Job& one : expansion.jobs) all.push_back(one.members);
    return all;
  }

  ScriptedResolver resolver_{[] {
    ResolvedName name;
    name.state = NameState::resolved;
    name.addresses = {*IpAddress::parse("192.0.2.7"), *IpAddress::parse("2001:db8::7")};
    name.left_out = 3;
    name.incomplete = true;
    return name;
  }()};
};

TEST_F(DnsresolvTest, ConnectsNothing) {
  EXPECT_TRUE(description().chains.empty());
  EXPECT_TRUE(description().connect_supported.empty());
  EXPECT_TRUE(description().create()->runs().empty());
}

TEST_F(DnsresolvTest, OneJobForEachAddressWithAllThatTheJobCarried) {
  const Expansion expansion =
      expand(job("example.org", R"("rank":1,"domain":"example.org","dp":443,"x":{"dip":[1, 2]})"));
  EXPECT_EQ(resolver_.asked, "example.org");
  EXPECT_THAT(
      members_of(expansion),
      ElementsAre(R"("dip":"192.0.2.7","rank":1,"domain":"example.org","dp":443,"x":{"dip":[1, 2]})",
                  R"("dip":"2001:db8::7","rank":1,"domain":"example.org","dp":443,"x":{"dip":[1, 2]})"));
  EXPECT_EQ(expansion.jobs[1].dip, *IpAddress::parse("2001:db8::7"));
  EXPECT_EQ(expansion.jobs[1].line, 7u);
  EXPECT_EQ(expansion.left_out, 3u);
  EXPECT_TRUE(expansion.incomplete);
}

TEST_F(DnsresolvTest, AnAddressThatStoodThereIsReplacedHoweverItWasWritten) {
  EXPECT_THAT(
      members_of(expand(job("a.org", R"("dip":"203.0.113.1","domain":"a.org")"))),
      ElementsAre(R"("dip":"192.0.2.7","domain":"a.org")", R"("dip":"2001:db8::7","domain":"a.org")"));
  EXPECT_THAT(members_of(expand(job("a.org", R"("\u0064ip":null,"k\"ey":1,"domain":"a.org")"))),
              ElementsAre(R"("dip":"192.0.2.7","k\"ey":1,"domain":"a.org")",
                          R"("dip":"2001:db8::7","k\"ey":1,"domain":"a.org")"));
}

TEST_F(DnsresolvTest, AnAddressWithoutADomainGoesThrough) {
  Job given = job("", R"("dip":"192.0.2.1","dp":80)");
  given.dip = *IpAddress::parse("192.0.2.1");
  EXPECT_THAT(members_of(expand(given)), ElementsAre(given.members));
  EXPECT_EQ(resolver_.asked, "");
}

TEST_F(DnsresolvTest, ANameWithoutAddressComesToNothingForAReason) {
  ResolvedName none;
  none.state = NameState::no_such_name;
  ScriptedResolver resolver(none);
  const auto measurement = description().create();
  std::optional<Expansion> result;
  const Job given = job("a.org", R"("domain":"a.org")");
  drive(measurement->expander()->expand(given, resolver), result);
  EXPECT_TRUE(result->jobs.empty());
  EXPECT_EQ(result->reason, "no such name");
}

}  // namespace
}  // namespace spiderling
