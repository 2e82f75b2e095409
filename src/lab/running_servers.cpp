#include "lab/running_servers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "host/program.h"
#include "lab/forwarder.h"
#include "lab/servers.h"

namespace spiderling::lab {
namespace {

using Clock = std::chrono::steady_clock;

// Reached only if something is wrong.
constexpr std::chrono::seconds longest_start{20};
constexpr std::chrono::milliseconds between_tries{2};
constexpr std::uint16_t all_ports[] = {port::http,
                                       port::https,
                                       port::h2c,
                                       port::https_without_h2,
                                       port::h2c_without_h2,
                                       port::dns,
                                       port::h2c_by_upgrade_without_h2};

Result<void> write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) return error("cannot write {}: {}", path, std::strerror(errno));
  return {};
}

// On loopback the answer is there at once: somebody listens or nobody does.
bool somebody_listens(int family, std::uint16_t port) {
  const FileDescriptor socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = IN6ADDR_LOOPBACK_INIT;
  const bool is4 = family == AF_INET;
  const auto* address = is4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  return ::connect(socket.get(), address, is4 ? sizeof v4 : sizeof v6) == 0;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  while (line.empty() && std::getline(file, line)) {
  }
  return line;
}

}  // namespace

bool RunningServers::has(pid_t process) const {
  return std::ranges::find(servers_, process, &Server::process) != servers_.end();
}

Result<void> RunningServers::start(const Scenario& scenario, const AddressPlan& plan) {
  if (auto done = write_files(); !done) return done;
  if (auto done = make_certificate(); !done) return done;
  if (auto done = start_server({"nginx", "-c", folder_ + "/nginx.conf", "-p", folder_}); !done) return done;
  if (auto done = start_server({"knotd", "-c", folder_ + "/knot.conf"}); !done) return done;
  const pid_t knot = servers_.back().process;
  if (needs_apache(scenario)) {
    if (auto done = start_apache(); !done) return done;
  }
  if (needs_forwarder(scenario)) {
    if (auto done = start_forwarder(scenario, plan); !done) return done;
  }
  if (auto done = wait_until_listening(scenario); !done) return done;
  return lengthen_accept_queues(knot);
}

Result<void> RunningServers::write_files() const {
  const auto steps = {write_file(folder_ + "/nginx.conf", nginx_configuration(folder_)),
                      write_file(folder_ + "/knot.conf", knot_configuration(folder_)),
                      write_file(folder_ + "/every-name.zone", zone_of_every_name())};
  for (const auto& step : steps)
    if (!step) return step;
  return {};
}

// Apache gives up root: what it serves is in a folder that anybody may look into.
Result<void> RunningServers::start_apache() {
  const std::string content = folder_ + "/apache2";
  if (::mkdir(content.c_str(), 0755) != 0 && errno != EEXIST)
    return error("cannot make {}: {}", content, std::strerror(errno));
  const auto steps = {write_file(content + "/index.txt", "spiderling lab\n"),
                      write_file(folder_ + "/apache2.conf", apache_configuration(folder_))};
  for (const auto& step : steps)
    if (!step) return step;
  ::chmod((content + "/index.txt").c_str(), 0644);
  ::chmod(content.c_str(), 0755);
  return start_server({"apache2", "-f", folder_ + "/apache2.conf", "-D", "FOREGROUND"});
}

Result<void> RunningServers::make_certificate() const {
  ProgramRun run;
  run.words = {"openssl",
               "req",
               "-x509",
               "-newkey",
               "ec",
               "-pkeyopt",
               "ec_paramgen_curve:prime256v1",
               "-nodes",
               "-days",
               "2",
               "-subj",
               "/CN=lab.test",
               "-addext",
               "subjectAltName=DNS:*.lab.test",
               "-keyout",
               folder_ + "/key.pem",
               "-out",
               folder_ + "/certificate.pem"};
  if (const auto made = run_to_success(run); !made) return tl::unexpected(made.error());
  return {};
}

std::string RunningServers::log_of(const std::string& name) const { return folder_ + "/" + name + ".errors"; }

Result<void> RunningServers::start_server(std::vector<std::string> words) {
  const std::string name = words.front();
  const FileDescriptor log(::open(log_of(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  ProgramStart start;
  start.words = std::move(words);
  start.output = log.get();
  start.errors = log.get();
  start.network = &topology_.servers;
  const auto process = start_program(start);
  if (!process) return tl::unexpected(process.error());
  servers_.push_back({*process, name});
  return {};
}

Result<void> RunningServers::start_forwarder(const Scenario& scenario, const AddressPlan& plan) {
  const auto inside = InNamespace::enter(topology_.router);
  if (!inside) return tl::unexpected(inside.error());
  const auto tun = open_tun(link::tun);
  if (!tun) return tl::unexpected(tun.error());
  const pid_t process = ::fork();
  if (process < 0) return error("cannot start the forwarder: {}", std::strerror(errno));
  if (process == 0) {
    ::prctl(PR_SET_NAME, "lab-forwarder", 0, 0, 0);
    run_forwarder(*tun, scenario, plan);
    ::_exit(1);
  }
  servers_.push_back({process, "forwarder"});
  return {};
}

Result<void> RunningServers::check_alive() const {
  for (const Server& server : servers_) {
    int status = 0;
    if (::waitpid(server.process, &status, WNOHANG) != server.process) continue;
    return error("{} ended at once with status {}: {}", server.name, exit_status(status),
                 first_line(log_of(server.name)));
  }
  return {};
}

Result<void> RunningServers::wait_until_listening(const Scenario& scenario) const {
  const auto inside = InNamespace::enter(topology_.servers);
  if (!inside) return tl::unexpected(inside.error());
  const auto deadline = Clock::now() + longest_start;
  std::vector<std::uint16_t> ports(std::begin(all_ports), std::end(all_ports));
  if (needs_apache(scenario)) ports.push_back(port::h2c_by_upgrade);
  for (const std::uint16_t port : ports) {
    for (const int family : {AF_INET, AF_INET6}) {
      while (!somebody_listens(family, port)) {
        if (auto alive = check_alive(); !alive) return alive;
        if (Clock::now() > deadline) return error("no server listens on port {} of the lab", port);
        std::this_thread::sleep_for(between_tries);
      }
    }
  }
  return {};
}

}  // namespace spiderling::lab
