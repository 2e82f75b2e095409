#include "campaign/file_clerk.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <span>
#include <utility>

#include "campaign/packet_recorder.h"
#include "campaign/whole_file.h"

namespace spiderling {
namespace {

constexpr std::uint64_t longest_text = 64u << 20;

/// What the program says, `length` bytes of text behind it; and what the clerk answers, a line of text if it
/// could not be done.
struct Request {
  std::uint64_t number = 0;
  std::uint64_t length = 0;
  std::uint64_t is_metadata = 0;
};
struct Answer {
  std::uint64_t length = 0;
  std::uint64_t done = 0;
};

bool send_bytes(int socket, const void* bytes, std::size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t sent = ::send(socket, at, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) return false;
    if (sent <= 0) continue;
    at += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_bytes(int socket, void* bytes, std::size_t size) {
  char* at = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t got = ::recv(socket, at, size, 0);
    if (got == 0 || (got < 0 && errno != EINTR)) return false;
    if (got < 0) continue;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

// The answer, and with it the file that was opened.
bool send_answer(int socket, const Answer& answer, int file) {
  iovec part{const_cast<Answer*>(&answer), sizeof answer};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (file >= 0) {
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &file, sizeof file);
  }
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(sizeof answer);  // so small a message is not torn
}

bool receive_answer(int socket, Answer& answer, FileDescriptor& file) {
  iovec part{&answer, sizeof answer};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  ssize_t got = -1;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof answer)) return false;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    file = FileDescriptor(number);
  }
  return true;
}

// --- the clerk's own process

Result<FileDescriptor> obey(const FileClerk::Files& files, const Request& request, std::string_view text) {
  if (request.is_metadata != 0) {
    if (files.metadata.empty()) return error("no metadata was asked for");
    if (const auto done = replace_file(files.metadata, text); !done) return tl::unexpected(done.error());
    return FileDescriptor();
  }
  if (files.recording.empty()) return error("no recording was asked for");
  return create_file(recording_name(files.recording, request.number));
}

void serve(int socket, const FileClerk::Files& files) {
  Request request;
  std::string text;
  while (receive_bytes(socket, &request, sizeof request)) {
    if (request.length > longest_text) return;
    text.resize(request.length);
    if (!receive_bytes(socket, text.data(), text.size())) return;
    const auto done = obey(files, request, text);
    const std::string problem = done ? std::string() : done.error().message;
    if (!send_answer(socket, {problem.size(), done ? 1u : 0u}, done ? done->get() : -1)) return;
    if (!send_bytes(socket, problem.data(), problem.size())) return;
  }
}

// Holds nothing of the program's open, but what it says errors to.
[[noreturn]] void be_the_clerk(int socket, const FileClerk::Files& files) {
  constexpr int own = 3;
  if (socket != own) {
    ::dup2(socket, own);
  }
  ::close_range(own + 1, ~0U, 0);
  ::close(STDIN_FILENO);
  ::close(STDOUT_FILENO);
  // It ends when the program does, which may have something to write until then.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  ::prctl(PR_SET_NAME, "spiderling-file");
  serve(own, files);
  ::_exit(0);
}

}  // namespace

struct FileClerk::State {
  FileDescriptor socket;
  pid_t process = -1;
  std::mutex one_at_a_time;

  Result<FileDescriptor> ask(const Request& request, std::string_view text) {
    const std::lock_guard lock(one_at_a_time);
    Answer answer;
    FileDescriptor file;
    if (!send_bytes(socket.get(), &request, sizeof request) ||
        !send_bytes(socket.get(), text.data(), text.size()) || !receive_answer(socket.get(), answer, file) ||
        answer.length > longest_text)
      return error("the process that makes files for this one is gone");
    if (answer.done != 0) return file;
    std::string problem(answer.length, '\0');
    if (!receive_bytes(socket.get(), problem.data(), problem.size()))
      return error("the process that makes files for this one is gone");
    return tl::unexpected(Error{std::move(problem)});
  }
};

Result<std::unique_ptr<FileClerk>> FileClerk::start(Files files) {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return error("cannot make a pair of sockets: {}", std::strerror(errno));
  auto state = std::make_unique<State>();
  state->socket = FileDescriptor(ends[0]);
  FileDescriptor its_end(ends[1]);
  state->process = ::fork();
  if (state->process < 0) return error("cannot start a process: {}", std::strerror(errno));
  if (state->process == 0) {
    const int socket = its_end.get();
    be_the_clerk(socket, files);
  }
  return std::unique_ptr<FileClerk>(new FileClerk(std::move(state)));
}

FileClerk::FileClerk(std::unique_ptr<State> state) : state_(std::move(state)) {}

FileClerk::~FileClerk() {
  ::shutdown(state_->socket.get(), SHUT_RDWR);  // another process may have been forked with it
  state_->socket = FileDescriptor();
  while (::waitpid(state_->process, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<FileDescriptor> FileClerk::create(std::size_t number) {
  auto file = state_->ask({number, 0, 0}, {});
  if (file && !*file) return error("the process that makes files for this one gave none");
  return file;
}

Result<void> FileClerk::replace_metadata(std::string_view text) {
  auto done = state_->ask({0, text.size(), 1}, text);
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace spiderling
