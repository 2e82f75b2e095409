#include "connect/name_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include <boost/asio/ip/udp.hpp>

#include "connect/test_server.h"
#include "spiderling/dns_builder.h"

namespace spiderling {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace testing;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint8_t no_such_name = 3, server_failure = 2, refused = 5;

/// A question as a server reads it.
struct Asked {
  std::uint16_t id = 0;
  std::string name;
  std::uint16_t type = 0;
};

Asked asked_in(std::string_view message) {
  const auto number = [&](std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(message[at]) << 8 |
                                      static_cast<unsigned char>(message[at + 1]));
  };
  Asked asked{number(0), {}, 0};
  std::size_t at = 12;
  while (message[at] != 0) {
    if (!asked.name.empty()) asked.name += '.';
    asked.name += message.substr(at + 1, static_cast<unsigned char>(message[at]));
    at += std::size_t{1} + static_cast<unsigned char>(message[at]);
  }
  asked.type = number(at + 1);
  return asked;
}

/// An answer: these addresses, those of the family that was asked for.
std::string answer_to(const Asked& asked, const std::vector<std::string>& addresses,
                      std::uint16_t flags = 0) {
  static std::array<std::uint8_t, 65'000> room;
  DnsBuilder builder(room);
  builder.header(asked.id, dns_flag::response | dns_flag::recursion_available | flags)
      .question(asked.name, asked.type);
  for (const std::string& text : addresses) {
    const IpAddress one = address(text.c_str());
    if ((one.version == IpVersion::v4) == (asked.type == dns_type::a))
      builder.address(DnsBuilder::Section::answer, asked.name, one, 60);
  }
  const auto bytes = builder.finish();
  EXPECT_TRUE(bytes.has_value());
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

/// What it says to a question; more than one message, or none.
using Answers = std::function<std::vector<std::string>(const Asked& asked, bool by_tcp)>;

/// On loopback, UDP and TCP at one port.
class DnsServer {
 public:
  DnsServer(asio::io_context& io, Answers answers)
      : state_(std::make_shared<State>(io, std::move(answers))),
        tcp_(io, [state = state_](Server::Socket& socket) { return serve(state, socket); }) {
    state_->udp.open(asio::ip::udp::v4());
    state_->udp.bind({asio::ip::make_address("127.0.0.1"), tcp_.port()});
    asio::co_spawn(io, serve_datagrams(state_), asio::detached);
  }
  ~DnsServer() { state_->udp.close(); }
  ResolverAddress at() const { return {address("127.0.0.1"), tcp_.port()}; }
  std::size_t asked() const { return state_->asked; }

 private:
  struct State {
    State(asio::io_context& io, Answers how) : udp(io), answers(std::move(how)) {}
    asio::ip::udp::socket udp;
    Answers answers;
    std::size_t asked = 0;
  };

  static asio::awaitable<void> serve_datagrams(std::shared_ptr<State> state) {
    std::array<char, 2048> room{};
    for (;;) {
      asio::ip::udp::endpoint from;
      boost::system::error_code problem;
      const std::size_t size = co_await state->udp.async_receive_from(
          asio::buffer(room), from, asio::redirect_error(asio::use_awaitable, problem));
      if (problem) co_return;
      ++state->asked;
      for (const std::string& answer : state->answers(asked_in({room.data(), size}), false))
        state->udp.send_to(asio::buffer(answer), from);
    }
  }
  static asio::awaitable<void> serve(std::shared_ptr<State> state, Server::Socket& socket) {
    for (;;) {
      std::array<unsigned char, 2> length{};
      co_await asio::async_read(socket, asio::buffer(length), asio::use_awaitable);
      std::string message(static_cast<std::size_t>(length[0] << 8 | length[1]), '\0');
      co_await asio::async_read(socket, asio::buffer(message), asio::use_awaitable);
      for (std::string answer : state->answers(asked_in(message), true)) {
        const auto size = answer.size();
        answer.insert(0, {static_cast<char>(size >> 8), static_cast<char>(size)});
        co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
      }
    }
  }

  std::shared_ptr<State> state_;
  Server tcp_;
};

Answers always(std::vector<std::string> addresses, std::uint16_t flags = 0) {
  return [=](const Asked& asked, bool) { return std::vector{answer_to(asked, addresses, flags)}; };
}

std::vector<std::string> text_of(const ResolvedName& name) {
  std::vector<std::string> texts;
  for (const IpAddress& one : name.addresses) texts.push_back(one.to_string());
  return texts;
}

struct Quick {
  std::chrono::milliseconds timeout = patience;
  unsigned tries = 3;
};

ResolvedName resolve(Loop& loop, const DnsServer& server, std::string name, Quick quick = {}) {
  auto resolver = NameResolver::make(loop.io, {{server.at()}, quick.timeout, quick.tries});
  EXPECT_TRUE(resolver) << resolver.error().message;
  return loop.run((*resolver)->resolve(std::move(name)));
}

TEST(NameResolver, FindsTheAddressesOfBothFamilies) {
  Loop loop;
  const DnsServer server(loop.io, always({"192.0.2.7", "2001:db8::7", "192.0.2.8"}));
  const ResolvedName name = resolve(loop, server, "www.example.org");
  EXPECT_EQ(name.state, NameState::resolved);
  EXPECT_THAT(text_of(name), ElementsAre("192.0.2.7", "192.0.2.8", "2001:db8::7"));
  EXPECT_FALSE(name.incomplete);
  EXPECT_EQ(server.asked(), 2u);
}

TEST(NameResolver, NoAddressComesTwice) {
  Loop loop;
  const DnsServer server(loop.io, always({"192.0.2.7", "192.0.2.8", "192.0.2.7", "192.0.2.7"}));
  EXPECT_THAT(text_of(resolve(loop, server, "example.org")), ElementsAre("192.0.2.7", "192.0.2.8"));
}

TEST(NameResolver, OnlySoManyAddressesAreTakenAndTheRestIsCounted) {
  Loop loop;
  std::vector<std::string> addresses;
  for (int i = 0; i < 300; ++i)
    addresses.push_back("10.0." + std::to_string(i / 100) + "." + std::to_string(i % 100));
  // Too many for a datagram that anybody would take: it is asked for again by TCP.
  const DnsServer server(loop.io, [&](const Asked& asked, bool by_tcp) {
    return std::vector{by_tcp ? answer_to(asked, addresses) : answer_to(asked, {}, dns_flag::truncated)};
  });
  const ResolvedName name = resolve(loop, server, "example.org");
  EXPECT_EQ(name.addresses.size(), Resolver::most_addresses);
  EXPECT_EQ(name.left_out, 300 - Resolver::most_addresses);
}

TEST(NameResolver, WhyANameHasNoAddressIsTold) {
  Loop loop;
  const struct {
    Answers answers;
    NameState state;
  } cases[] = {
      {always({}, no_such_name), NameState::no_such_name},
      {always({}), NameState::no_address},
      {always({}, server_failure), NameState::server_failed},
      {always({}, refused), NameState::refused},
  };
  for (const auto& one : cases) {
    const DnsServer server(loop.io, one.answers);
    const ResolvedName name = resolve(loop, server, "example.org");
    EXPECT_STREQ(name_of(name.state), name_of(one.state));
    EXPECT_THAT(name.addresses, IsEmpty());
  }
}

TEST(NameResolver, SilenceEndsInTime) {
  Loop loop;
  const DnsServer server(loop.io, [](const Asked&, bool) { return std::vector<std::string>(); });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(resolve(loop, server, "example.org", {400ms, 3}).state, NameState::no_answer);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 300ms);
  EXPECT_EQ(server.asked(), 6u) << "three tries of each family";
}

// Of two questions on one socket only one may be told of the ICMP error.
TEST(NameResolver, NobodyAtTheResolverIsARefusalOrSilence) {
  Loop loop;
  const std::uint16_t closed = Listener().port();
  auto resolver = NameResolver::make(loop.io, {{{address("127.0.0.1"), closed}}, 300ms, 2});
  ASSERT_TRUE(resolver);
  EXPECT_THAT(loop.run((*resolver)->resolve("example.org")).state,
              AnyOf(NameState::refused, NameState::no_answer));
}

TEST(NameResolver, OneFamilyThatCannotBeFoundOutIsTold) {
  Loop loop;
  const DnsServer server(loop.io, [](const Asked& asked, bool) {
    const bool v4 = asked.type == dns_type::a;
    return std::vector{answer_to(asked, {"192.0.2.7"}, v4 ? 0 : server_failure)};
  });
  const ResolvedName name = resolve(loop, server, "example.org");
  EXPECT_EQ(name.state, NameState::resolved);
  EXPECT_THAT(text_of(name), ElementsAre("192.0.2.7"));
  EXPECT_TRUE(name.incomplete);
}

TEST(NameResolver, WrongAnswersAreWaitedOver) {
  Loop loop;
  const DnsServer server(loop.io, [](const Asked& asked, bool) {
    Asked other_number = asked, other_name = asked;
    other_number.id = static_cast<std::uint16_t>(asked.id + 1);
    other_name.name = "example.com";
    const std::string right = answer_to(asked, {"192.0.2.7"});
    return std::vector{std::string("garbage"),
                       std::string(),
                       answer_to(other_number, {"192.0.2.66"}),
                       answer_to(other_name, {"192.0.2.67"}),
                       right,
                       answer_to(asked, {"192.0.2.68"})};
  });
  EXPECT_THAT(text_of(resolve(loop, server, "example.org")), ElementsAre("192.0.2.7"));
}

TEST(NameResolver, AnswersCutOffAnywhereDoNoHarm) {
  Loop loop;
  const DnsServer server(loop.io, [cut = std::size_t{0}](const Asked& asked, bool) mutable {
    const std::string whole = answer_to(asked, {"192.0.2.7", "2001:db8::7"});
    return std::vector{whole.substr(0, 12 + cut++ % (whole.size() - 12))};
  });
  auto resolver = NameResolver::make(loop.io, {{server.at()}, 100ms, 1});
  ASSERT_TRUE(resolver);
  for (int i = 0; i < 40; ++i) {
    const ResolvedName name = loop.run((*resolver)->resolve("example.org"));
    EXPECT_NE(name.state, NameState::resolved) << i;
  }
}

TEST(NameResolver, HundredsAtOnceAreKeptApart) {
  Loop loop;
  const DnsServer server(loop.io, [](const Asked& asked, bool) {
    return std::vector{answer_to(asked, {"10.0." + asked.name.substr(1)})};
  });
  auto resolver = NameResolver::make(loop.io, {{server.at()}, patience, 3});
  ASSERT_TRUE(resolver);
  std::map<int, ResolvedName> found;
  for (int i = 0; i < 250; ++i) {
    // The third and fourth byte of its address are in the name: n2.49
    const std::string name = "n" + std::to_string(i / 100) + "." + std::to_string(i % 100);
    asio::co_spawn(loop.io, (*resolver)->resolve(name),
                   [&found, i](std::exception_ptr, ResolvedName result) { found[i] = std::move(result); });
  }
  loop.run_until([&] { return found.size() == 250; });
  for (const auto& [i, name] : found) {
    EXPECT_THAT(text_of(name),
                ElementsAre("10.0." + std::to_string(i / 100) + "." + std::to_string(i % 100)));
  }
}

TEST(NameResolver, NobodyIsAskedForWhatIsNoName) {
  Loop loop;
  const DnsServer server(loop.io, always({"192.0.2.7"}));
  for (const std::string& name : {std::string(), std::string("."), std::string("a..b"), std::string("a b"),
                                  std::string("m\xc3\xbcnchen.de"), std::string("a\\.b"),
                                  std::string(64, 'a'), std::string("a\0b", 3)}) {
    EXPECT_EQ(resolve(loop, server, name).state, NameState::bad_name) << name;
  }
  EXPECT_THAT(text_of(resolve(loop, server, "192.0.2.9")), ElementsAre("192.0.2.9"));
  EXPECT_THAT(text_of(resolve(loop, server, "2001:db8::9")), ElementsAre("2001:db8::9"));
  EXPECT_EQ(server.asked(), 0u);
}

TEST(NameResolver, MayGoWhileQuestionsAreOpen) {
  Loop loop;
  const DnsServer server(loop.io, [](const Asked&, bool) { return std::vector<std::string>(); });
  bool resumed = false;
  {
    auto resolver = NameResolver::make(loop.io, {{server.at()}, patience, 3});
    ASSERT_TRUE(resolver);
    asio::co_spawn(loop.io, (*resolver)->resolve("example.org"),
                   [&](std::exception_ptr, ResolvedName) { resumed = true; });
    loop.run_until([&] { return server.asked() == 2; });
  }
  for (int turns = 0; turns < 100; ++turns) loop.io.poll();
  EXPECT_FALSE(resumed);
}

TEST(ResolverAddress, IsReadWithAndWithoutAPort) {
  const auto text_of = [](std::string_view text) {
    const auto parsed = ResolverAddress::parse(text);
    return parsed ? parsed->address.to_string() + " " + std::to_string(parsed->port) : "wrong";
  };
  EXPECT_EQ(text_of("192.0.2.53"), "192.0.2.53 53");
  EXPECT_EQ(text_of("192.0.2.53:5353"), "192.0.2.53 5353");
  EXPECT_EQ(text_of("2001:db8::53"), "2001:db8::53 53");
  EXPECT_EQ(text_of("[2001:db8::53]:5353"), "2001:db8::53 5353");
  EXPECT_EQ(text_of("[2001:db8::53]"), "2001:db8::53 53");
  for (const char* wrong : {"", "dns.example", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536", "[::1]53",
                            "[::1", "192.0.2.53:5x", "192.0.2.53,192.0.2.54"})
    EXPECT_EQ(text_of(wrong), "wrong") << wrong;
}

}  // namespace
}  // namespace spiderling
