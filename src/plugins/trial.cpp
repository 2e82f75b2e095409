#include "plugins/trial.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <string_view>

#include "base/file_descriptor.h"
#include "plugins/descriptions.h"
#include "plugins/shared_object.h"

namespace spiderling {

namespace {

// A child's words: one line a file, empty if the file may be loaded.
constexpr char end_of_word = '\n';
constexpr std::size_t longest_word = 2000;  // of a message that a plugin made

std::string verdict_on(const std::string& file) {
  try {
    const auto object = load_shared_object(file);
    if (!object) return object.error().message;
    for (const Plugin* plugin : object->plugins) {
      if (auto fine = check_description(*plugin); !fine) return file + ": " + fine.error().message;
    }
    return {};
  } catch (const std::exception& problem) {
    return fmt::format("{}: it threw while it was loaded: {}", file, problem.what());
  } catch (...) {
    return fmt::format("{}: it threw while it was loaded, no std::exception", file);
  }
}

void say(int channel, std::string word) {
  if (word.size() > longest_word) word.resize(longest_word);
  for (char& c : word) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  word += end_of_word;
  for (std::string_view rest = word; !rest.empty();) {
    const ssize_t written = ::write(channel, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) ::_exit(1);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

constexpr int has_said_why = 99;  // exit status of a child whose last word was about its own end

// What was thrown while a shared object was loaded: the loader's own functions let nothing through.
int channel_of_child = -1;
const std::string* tried = nullptr;
std::string thrown() {
  try {
    if (const auto problem = std::current_exception()) std::rethrow_exception(problem);
    return {};
  } catch (const std::exception& problem) {
    return fmt::format("{}: it threw while it was loaded: {}", *tried, problem.what());
  } catch (...) {
    return fmt::format("{}: it threw while it was loaded, no std::exception", *tried);
  }
}
[[noreturn]] void say_what_was_thrown() {
  const std::string word = thrown();
  if (word.empty()) ::_exit(1);
  say(channel_of_child, word);
  ::_exit(has_said_why);
}

// What a plugin prints while it is loaded would else be seen twice.
void be_silent() {
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDOUT_FILENO);
  ::dup2(nowhere, STDERR_FILENO);
}

// A child that goes over files from `first` on. It ends without destructors: they are the parent's.
class Child {
 public:
  Child(const std::vector<std::string>& files, std::size_t first) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    words_ = FileDescriptor(ends[0]);
    const FileDescriptor channel(ends[1]);
    id_ = ::fork();
    if (id_ != 0) return;
    be_silent();
    channel_of_child = channel.get();
    std::set_terminate(say_what_was_thrown);
    for (std::size_t i = first; i < files.size(); ++i) {
      tried = &files[i];
      say(channel.get(), verdict_on(files[i]));
    }
    ::_exit(0);
  }
  ~Child() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    while (::waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool started() const { return id_ > 0; }
  enum class Heard { word, end, nothing };
  // One word, complete.
  Heard hear(std::string& word, std::chrono::milliseconds patience) {
    while (true) {
      if (const auto end = buffer_.find(end_of_word); end != std::string::npos) {
        word = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return Heard::word;
      }
      pollfd ready{words_.get(), POLLIN, 0};
      const int polled = ::poll(&ready, 1, static_cast<int>(patience.count()));
      if (polled < 0 && errno == EINTR) continue;
      if (polled <= 0) return Heard::nothing;
      char bytes[4096];
      const ssize_t size = ::read(words_.get(), bytes, sizeof bytes);
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return Heard::end;
      buffer_.append(bytes, static_cast<std::size_t>(size));
    }
  }
  // Of a child that ended by itself: how, in words; nothing, if it has said why before, which may be.
  std::string how_it_ended(bool may_have_said_why) {
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    id_ = -1;
    if (WIFSIGNALED(status)) return ::strsignal(WTERMSIG(status));
    if (WEXITSTATUS(status) == has_said_why && may_have_said_why) return {};
    return fmt::format("exit status {}", WEXITSTATUS(status));
  }

 private:
  pid_t id_ = -1;
  FileDescriptor words_;
  std::string buffer_;
};

}  // namespace

std::vector<std::string> try_to_load(const std::vector<std::string>& files,
                                     std::chrono::milliseconds patience) {
  std::vector<std::string> verdicts;
  while (verdicts.size() < files.size()) {
    const std::size_t known_before = verdicts.size();
    Child child(files, known_before);
    if (!child.started()) {
      verdicts.resize(files.size(), fmt::format("plugins cannot be tried out: {}", std::strerror(errno)));
      break;
    }
    std::string word;
    auto heard = Child::Heard::word;
    while (verdicts.size() < files.size() && (heard = child.hear(word, patience)) == Child::Heard::word) {
      verdicts.push_back(std::move(word));
    }
    if (verdicts.size() == files.size()) break;
    const std::string& culprit = files[verdicts.size()];
    if (heard == Child::Heard::nothing) {
      verdicts.push_back(fmt::format("{}: it had not finished loading after {} s", culprit,
                                     std::chrono::duration<double>(patience).count()));
    } else if (const std::string how = child.how_it_ended(verdicts.size() > known_before); !how.empty()) {
      verdicts.push_back(fmt::format("{}: it ended the program while it was loaded ({})", culprit, how));
    }
  }
  return verdicts;
}

}  // namespace spiderling
