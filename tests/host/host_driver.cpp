// Does with the host what its lines of standard input say, one answer a line: for the tests of this folder,
// which look at the network from outside.
//
//   host_driver DIRECTORY          the journal is kept there
//   marks CHANGE...                off, on, on-with-fallback, as-host; answers with the marks
//   connect ADDRESS PORT INDEX     a connection by a marked socket, answers with TCP_INFO's options, then
//   sends "hello" ecn ADDRESS INDEX              whether the route to it has ECN verify remove sysctl
//   NAME=VALUE... [apply TIME]   configures the host for so many milliseconds end guardian its process number
//   drop                           privileges, but for CAP_NET_ADMIN
//   quit
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "connect/socket_factory.h"
#include "host/configurator.h"
#include "host/host_session.h"
#include "host/packet_marks.h"
#include "host/privileges.h"

namespace spiderling {
namespace {

using Words = std::vector<std::string>;

struct Driver {
  std::unique_ptr<HostSession> session;
  std::unique_ptr<PacketMarks> marks;
  std::unique_ptr<Configurator> configurator;
  std::vector<FileDescriptor> connections;
};

Result<MarkedChange> change_of(const std::string& word) {
  if (word == "off") return MarkedChange{EcnRequest::off};
  if (word == "on") return MarkedChange{EcnRequest::on};
  if (word == "on-with-fallback") return MarkedChange{EcnRequest::on_with_fallback};
  if (word == "as-host") return MarkedChange{EcnRequest::as_host};
  if (word == "forge") return MarkedChange{EcnRequest::as_host, true};
  return error("no such change: {}", word);
}

Result<std::string> install(Driver& driver, const Words& words) {
  std::vector<MarkedChange> changes;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto change = change_of(words[i]);
    if (!change) return tl::unexpected(change.error());
    changes.push_back(*change);
  }
  auto marks = PacketMarks::install(driver.session->host(), driver.session->journal(), changes);
  if (!marks) return tl::unexpected(marks.error());
  driver.marks = std::move(*marks);
  std::string answer;
  for (std::size_t i = 0; i < changes.size(); ++i) answer += fmt::format("{} ", driver.marks->mark(i));
  return answer;
}

Result<sockaddr_storage> address_of(const std::string& text, const std::string& port) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  const auto number = htons(static_cast<std::uint16_t>(std::stoi(port)));
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = number;
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = number;
  } else {
    return error("no address: {}", text);
  }
  return storage;
}

Result<std::string> finish_connection(Driver& driver, FileDescriptor socket) {
  constexpr int deadline = 30'000;
  pollfd ready{socket.get(), POLLOUT, 0};
  if (::poll(&ready, 1, deadline) != 1) return error("no connection");
  int problem = 0;
  socklen_t size = sizeof problem;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0) return error("no connection: {}", std::strerror(problem));
  tcp_info info{};
  size = sizeof info;
  ::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size);
  if (::send(socket.get(), "hello", 5, MSG_NOSIGNAL) != 5)
    return error("cannot send: {}", std::strerror(errno));
  driver.connections.push_back(std::move(socket));
  return fmt::format("{}", info.tcpi_options & TCPI_OPT_ECN ? "ecn" : "no-ecn");
}

Result<std::string> connect(Driver& driver, const Words& words) {
  const auto address = address_of(words.at(1), words.at(2));
  if (!address) return tl::unexpected(address.error());
  const int domain = address->ss_family;
  SocketSetup setup;
  std::uint32_t mark = 0;
  if (words.at(3) != "-") mark = driver.marks->mark(static_cast<std::size_t>(std::stoi(words.at(3))));
  if (words.size() > 4) setup.dscp = static_cast<std::uint8_t>(std::stoi(words.at(4)));
  if (words.size() > 5) setup.mss = static_cast<std::uint16_t>(std::stoi(words.at(5)));
  auto opened = SocketFactory().open(setup, mark, domain, SOCK_STREAM);
  if (!opened) return tl::unexpected(opened.error());
  FileDescriptor socket = std::move(*opened);
  const socklen_t size = domain == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), size) != 0 &&
      errno != EINPROGRESS)
    return error("cannot connect: {}", std::strerror(errno));
  return finish_connection(driver, std::move(socket));
}

Result<std::string> configure(Driver& driver, const Words& words) {
  HostConfiguration configuration;
  configuration.name = "the test's";
  std::chrono::milliseconds time{60'000};
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto equals = words[i].find('=');
    if (equals == std::string::npos)
      time = std::chrono::milliseconds(std::stoi(words[i]));
    else
      configuration.settings.push_back({words[i].substr(0, equals), words[i].substr(equals + 1)});
  }
  if (!driver.configurator)
    driver.configurator = std::make_unique<Configurator>(driver.session->host(), driver.session->journal(),
                                                         &driver.session->guardian());
  if (auto begun = driver.configurator->begin(configuration, time); !begun)
    return tl::unexpected(begun.error());
  return "configured";
}

Result<std::string> said(const Result<void>& done) {
  if (!done) return tl::unexpected(done.error());
  return "done";
}

Result<std::string> obey(Driver& driver, const Words& words) {
  const std::string& word = words.at(0);
  if (word == "marks") return install(driver, words);
  if (word == "connect") return connect(driver, words);
  if (word == "sysctl") return configure(driver, words);
  if (word == "verify") return said(driver.marks->verify());
  if (word == "end") return said(driver.configurator->end());
  if (word == "drop") return said(drop_privileges_except({Capability::net_admin}));
  if (word == "remove") return driver.marks->remove().text();
  if (word == "guardian") return fmt::format("{}", driver.session->guardian().process());
  if (word == "ecn") {
    const auto ecn =
        driver.marks->speaks_ecn_to(words.at(1), static_cast<std::size_t>(std::stoi(words.at(2))));
    if (!ecn) return tl::unexpected(ecn.error());
    return *ecn ? "ecn" : "no-ecn";
  }
  return error("no such command: {}", word);
}

int drive(const char* directory) {
  auto session = HostSession::begin(directory);
  if (!session) {
    std::cout << "error " << session.error().message << std::endl;
    return 2;
  }
  Driver driver{std::move(*session), nullptr, nullptr, {}};
  for (const auto& line : driver.session->left_behind()) std::cout << "found " << line << std::endl;
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    std::istringstream stream(line);
    Words words;
    for (std::string word; stream >> word;) words.push_back(word);
    const auto answer = obey(driver, words);
    std::cout << (answer ? "ok " + *answer : "error " + answer.error().message) << std::endl;
  }
  driver.configurator.reset();
  driver.marks.reset();
  driver.session.reset();
  std::cout << "bye" << std::endl;
  return 0;
}

}  // namespace
}  // namespace spiderling

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: host_driver DIRECTORY\n";
    return 2;
  }
  return spiderling::drive(arguments[1]);
}
