#include "host/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "host/netlink_attributes.h"

namespace spiderling {
namespace {

constexpr std::size_t receive_room = 65536;
constexpr timeval answer_deadline = {10,
                                     0};  // the kernel answers at once; never is only for a kernel in trouble

// The kernel's own words about a refused request: attributes after the error, if we asked for them.
std::string words_of(const nlmsghdr* message) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  const auto* fault = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
  std::size_t offset = sizeof(nlmsgerr);
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0) offset += mnl_nlmsg_get_payload_len(&fault->msg);
  std::string words;
  for_each_attribute(message, offset, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) != NLMSGERR_ATTR_MSG) return;
    const auto* text = static_cast<const char*>(mnl_attr_get_payload(attribute));
    words.assign(text, ::strnlen(text, mnl_attr_get_payload_len(attribute)));
  });
  return words;
}

// Reads what one recv() brought. True: that was the end of the answer.
bool take(std::span<const std::byte> bytes, std::uint32_t sequence, const Netlink::OnMessage& on_message,
          Netlink::Answer& answer) {
  int left = static_cast<int>(bytes.size());
  const auto* message = reinterpret_cast<const nlmsghdr*>(bytes.data());
  for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
    if (message->nlmsg_seq != sequence) continue;  // late words about a request that was given up
    if (message->nlmsg_type == NLMSG_ERROR) {
      if (mnl_nlmsg_get_payload_len(message) < sizeof(nlmsgerr)) return answer.reason = EBADMSG, true;
      answer.reason = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
      answer.words = words_of(message);
      return true;
    }
    if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) answer.reason = EINTR;
    if (message->nlmsg_type == NLMSG_DONE) return true;
    if (message->nlmsg_type >= NLMSG_MIN_TYPE && on_message) on_message(message);
  }
  return false;
}

}  // namespace

std::string Netlink::Answer::text() const {
  if (reason == 0) return "done";
  return words.empty() ? std::strerror(reason) : fmt::format("{} ({})", std::strerror(reason), words);
}

Result<Netlink> Netlink::open() { return open_protocol(NETLINK_ROUTE, "routes"); }
Result<Netlink> Netlink::open_generic() { return open_protocol(NETLINK_GENERIC, "anything"); }

Result<Netlink> Netlink::open_protocol(int protocol, const char* about) {
  mnl_socket* socket = mnl_socket_open2(protocol, SOCK_CLOEXEC);
  if (socket == nullptr) return error("cannot ask the kernel about {}: {}", about, std::strerror(errno));
  Netlink netlink(socket);
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
    return error("cannot ask the kernel about {}: {}", about, std::strerror(errno));
  int on = 1;
  mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof on);
  // Some list by other rules than asked for; this makes them do as asked.
  mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  const int number = mnl_socket_get_fd(socket);
  ::setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &answer_deadline, sizeof answer_deadline);
  return netlink;
}

Netlink::Netlink(Netlink&& other) noexcept
    : socket_(std::exchange(other.socket_, nullptr)), sequence_(other.sequence_) {}

Netlink::~Netlink() {
  if (socket_ != nullptr) mnl_socket_close(socket_);
}

Netlink::Answer Netlink::ask(std::vector<std::byte> request, const OnMessage& on_message) {
  auto* header = reinterpret_cast<nlmsghdr*>(request.data());
  header->nlmsg_seq = ++sequence_;
  const bool one_message = (header->nlmsg_flags & (NLM_F_DUMP | NLM_F_ACK)) == 0;
  if (mnl_socket_sendto(socket_, request.data(), request.size()) < 0) return {errno, {}};
  Answer answer;
  std::vector<std::byte> buffer(receive_room);
  for (bool ended = false; !ended;) {
    const ssize_t got = mnl_socket_recvfrom(socket_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {errno, {}};
    ended =
        take({buffer.data(), static_cast<std::size_t>(got)}, sequence_, on_message, answer) || one_message;
  }
  return answer;
}

}  // namespace spiderling
