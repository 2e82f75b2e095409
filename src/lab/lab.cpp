#include "lab/lab.h"

#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "host/program.h"
#include "lab/init.h"

namespace spiderling::lab {
namespace {

// Reached only if something is wrong.
constexpr std::chrono::seconds longest_start{60};
constexpr std::chrono::seconds longest_end{30};

constexpr std::string_view place_names[] = {"prober", "router", "servers"};

int in_milliseconds(std::chrono::milliseconds time) { return static_cast<int>(time.count()); }

// One message of init's; empty if it ended instead.
std::string receive(const FileDescriptor& control) {
  char text[message::longest];
  ssize_t size = -1;
  do size = ::recv(control.get(), text, sizeof text, 0);
  while (size < 0 && errno == EINTR);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

bool wait_readable(int descriptor, std::chrono::milliseconds deadline) {
  pollfd file{descriptor, POLLIN, 0};
  int ready = -1;
  do ready = ::poll(&file, 1, in_milliseconds(deadline));
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

// Field 22 of /proc/PID/stat (proc(5)); the second may hold spaces and parentheses. 0 if there is no such
// process, or if it is dead and only not yet waited for.
std::uint64_t start_time(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) {
    fields >> field;
    if (number == 3 && (field == "Z" || field == "X")) return 0;
  }
  std::uint64_t ticks = 0;
  std::from_chars(field.data(), field.data() + field.size(), ticks);
  return ticks;
}

FileDescriptor hold_process(pid_t process) {
  return FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
}

std::uint64_t capabilities() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("CapEff:")) return std::stoull(line.substr(7), nullptr, 16);
  return 0;
}

// A fork into new namespaces: glibc's fork() has no flags, and this one needs no new stack.
pid_t clone_init() {
  constexpr unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | SIGCHLD;
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr));
}

}  // namespace

std::optional<Place> parse_place(std::string_view name) {
  for (std::size_t i = 0; i < std::size(place_names); ++i)
    if (place_names[i] == name) return static_cast<Place>(i);
  return std::nullopt;
}

Result<void> check_lab_is_possible() {
  struct Needed {
    int number;
    std::string_view name;
  };
  constexpr Needed needed[] = {{21, "CAP_SYS_ADMIN"}, {12, "CAP_NET_ADMIN"}};  // linux/capability.h
  const std::uint64_t have = capabilities();
  std::string missing;
  for (const Needed& capability : needed)
    if ((have >> capability.number & 1) == 0)
      missing += fmt::format("{}{}", missing.empty() ? "" : " and ", capability.name);
  if (!missing.empty()) return error("a lab needs root: {} is missing (sudo)", missing);
  if (::access("/dev/net/tun", F_OK) != 0) return error("a lab needs /dev/net/tun (modprobe tun)");
  return {};
}

Result<Lab> Lab::start(const Scenario& scenario, const AddressPlan& plan) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return error("cannot make a socket: {}", std::strerror(errno));
  Lab lab;
  lab.control_ = FileDescriptor(ends[0]);
  FileDescriptor of_init(ends[1]);
  const pid_t init = clone_init();
  if (init < 0) return error("cannot make the lab's namespaces: {}", std::strerror(errno));
  if (init == 0) {
    lab.control_ = FileDescriptor();
    run_init(std::move(of_init), scenario, plan);
  }
  lab.handle_.init = init;
  lab.handle_.started = start_time(init);
  of_init = FileDescriptor();
  if (auto ready = lab.wait_until_ready(); !ready) return tl::unexpected(ready.error());
  return lab;
}

Result<void> Lab::wait_until_ready() {
  if (!wait_readable(control_.get(), longest_start))
    return error("the lab did not come up within {} s", longest_start.count());
  const std::string said = receive(control_);
  if (said.starts_with(message::failed)) return error("{}", said.substr(message::failed.size()));
  std::istringstream words(said);
  std::string word;
  auto& n = handle_.networks;
  if (words >> word >> n[0] >> n[1] >> n[2] && word == message::ready) return {};
  return error("the lab's first process ended while it came up");
}

Lab::Lab(Lab&& other) noexcept
    : handle_(std::exchange(other.handle_, {})), control_(std::move(other.control_)) {}

Lab::~Lab() {
  if (!control_ || handle_.init <= 0) return;
  ::kill(handle_.init, SIGKILL);  // our child: its number is not used again before it is waited for
  while (::waitpid(handle_.init, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<void> Lab::stay() {
  const std::string_view stay = message::stay;
  if (::send(control_.get(), stay.data(), stay.size(), MSG_NOSIGNAL) < 0 ||
      receive(control_) != message::staying)
    return error("the lab ended while it was told to stay");
  control_ = FileDescriptor();
  return {};
}

bool is_alive(const LabHandle& handle) {
  return handle.init > 0 && handle.started != 0 && start_time(handle.init) == handle.started;
}

// PID 1 is dead only when all others of its namespace are: the kernel sees to that order.
Result<void> end_lab(const LabHandle& handle) {
  const FileDescriptor process = hold_process(handle.init);
  if (!process || !is_alive(handle)) return {};
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH)
    return error("cannot end the lab: {}", std::strerror(errno));
  if (!wait_readable(process.get(), longest_end))
    return error("the lab's process {} does not end", handle.init);
  return {};
}

Result<void> join_lab(const LabHandle& handle, Place place) {
  const FileDescriptor process = hold_process(handle.init);
  if (!process || !is_alive(handle)) return error("the lab is gone");
  const auto network = NetworkNamespace::open(
      fmt::format("/proc/{}/fd/{}", handle.init, handle.networks[static_cast<std::size_t>(place)]));
  if (!network) return tl::unexpected(network.error());
  if (::setns(process.get(), CLONE_NEWPID) != 0)
    return error("cannot enter the lab's PID namespace: {}", std::strerror(errno));
  if (auto entered = network->enter(); !entered) return entered;
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return error("cannot make mounts of its own: {}", std::strerror(errno));
  // What a program notes there about a network is about the lab's, and ends with it: nobody may take it for
  // the host's later.
  if (::mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64m") != 0)
    return error("cannot mount a /run of its own: {}", std::strerror(errno));
  // For programs that look interfaces up there; others do without.
  ::mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  return {};
}

}  // namespace spiderling::lab
