#include "connect/name_resolver.h"

#include <ares.h>
#include <arpa/nameser.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>

namespace spiderling {

namespace {

using namespace std::chrono_literals;

// Each has a socket to each resolver: more ports to be guessed, and more room for answers that come at once.
constexpr std::size_t channels = 8;
constexpr int receive_room = 1 << 20;
// The least MTU of IPv6 without headers: passes everywhere without being cut into pieces (RFC 9715).
constexpr int largest_datagram = 1232;
constexpr auto between_looks_at_the_clock = 20ms;
constexpr std::chrono::milliseconds shortest_wait = 20ms;
// What an answer of 64 KiB has room for at most: 16 bytes a record of A, 28 one of AAAA.
constexpr std::size_t most_records = (64 << 10) / 16;
constexpr std::size_t longest_name = 253;
constexpr std::size_t longest_label = 63;

NameState state_of(int status) {
  switch (status) {
    case ARES_SUCCESS: return NameState::resolved;
    case ARES_ENODATA: return NameState::no_address;
    case ARES_ENOTFOUND: return NameState::no_such_name;
    case ARES_ESERVFAIL: return NameState::server_failed;
    case ARES_EREFUSED:
    case ARES_ECONNREFUSED: return NameState::refused;
    case ARES_ETIMEOUT: return NameState::no_answer;
    case ARES_EBADNAME: return NameState::bad_name;
    case ARES_EBADRESP:
    case ARES_EFORMERR:
    case ARES_ENOTIMP: return NameState::bad_answer;
    default: return NameState::failed;
  }
}

bool is_final(NameState state) {
  return state == NameState::resolved || state == NameState::no_address || state == NameState::no_such_name;
}

// Of a whole name, from what each family gave, when neither gave an address: what could not be found out says
// more than what is not there.
NameState without_address(NameState v4, NameState v6) {
  if (!is_final(v4)) return v4;
  if (!is_final(v6)) return v6;
  const bool exists = v4 == NameState::no_address && v6 == NameState::no_address;
  return exists ? NameState::no_address : NameState::no_such_name;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// Addresses of an answer into `name`, each once.
NameState take_addresses(const unsigned char* answer, int size, IpVersion family, ResolvedName& name) {
  static thread_local std::array<ares_addrttl, most_records> v4;
  static thread_local std::array<ares_addr6ttl, most_records> v6;
  int count = static_cast<int>(most_records);
  const int status = family == IpVersion::v4
                         ? ares_parse_a_reply(answer, size, nullptr, v4.data(), &count)
                         : ares_parse_aaaa_reply(answer, size, nullptr, v6.data(), &count);
  if (status != ARES_SUCCESS) return state_of(status);
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(count, 0)); ++i) {
    std::array<std::uint8_t, 16> bytes{};
    if (family == IpVersion::v4) {
      std::memcpy(bytes.data(), &v4[i].ipaddr, 4);
    } else {
      std::memcpy(bytes.data(), &v6[i].ip6addr, 16);
    }
    const IpAddress address =
        family == IpVersion::v4 ? IpAddress::v4(bytes.data()) : IpAddress::v6(bytes.data());
    if (std::ranges::find(name.addresses, address) != name.addresses.end()) continue;
    if (name.addresses.size() < Resolver::most_addresses) {
      name.addresses.push_back(address);
    } else {
      ++name.left_out;
    }
  }
  return count > 0 ? NameState::resolved : NameState::no_address;
}

}  // namespace

// --- one name

// Lives as long as a question of it is open, or somebody waits.
struct NameResolver::Lookup {
  explicit Lookup(asio::io_context& loop) : over(loop, asio::steady_timer::time_point::max()) {}

  struct Part {
    NameState state = NameState::failed;
    ResolvedName found;
  };
  std::array<Part, 2> parts;  // IPv4, IPv6
  int open = 0;
  asio::steady_timer over;  // cancelled when the last answer is there

  ResolvedName result();
};

ResolvedName NameResolver::Lookup::result() {
  ResolvedName name = std::move(parts[0].found);
  for (const IpAddress& address : parts[1].found.addresses) {
    if (name.addresses.size() < Resolver::most_addresses) {
      name.addresses.push_back(address);
    } else {
      ++name.left_out;
    }
  }
  name.left_out += parts[1].found.left_out;
  if (name.addresses.empty()) {
    name.state = without_address(parts[0].state, parts[1].state);
  } else {
    name.state = NameState::resolved;
    name.incomplete = !is_final(parts[0].state) || !is_final(parts[1].state);
  }
  return name;
}

// --- c-ares on the event loop

class NameResolver::Channel {
 public:
  explicit Channel(asio::io_context& loop) : loop_(loop), clock_(loop) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    *self_ = nullptr;
    if (channel_ != nullptr) ares_destroy(channel_);
  }

  Result<void> open(const NameResolverOptions& options, std::size_t number);
  void ask(const std::string& name, const std::shared_ptr<Lookup>& lookup);

 private:
  // A socket of c-ares, which opens and closes it, and says what it wants to know of it.
  struct Watched {
    Watched(asio::io_context& loop, int socket) : descriptor(loop, socket) {}
    asio::posix::stream_descriptor descriptor;
    bool wants_read = false, wants_write = false;
    bool waits_read = false, waits_write = false;
    bool gone = false;
  };
  struct Question {
    Channel* channel;
    std::shared_ptr<Lookup> lookup;
    IpVersion family;
  };

  static void on_socket(void* self, ares_socket_t socket, int readable, int writable);
  static void on_answer(void* question, int status, int timeouts, unsigned char* answer, int size);
  void wait_for(const std::shared_ptr<Watched>& socket);
  void process(ares_socket_t readable, ares_socket_t writable);
  void look_at_the_clock();

  asio::io_context& loop_;
  asio::steady_timer clock_;
  ares_channel channel_ = nullptr;
  std::map<ares_socket_t, std::shared_ptr<Watched>> sockets_;
  std::size_t open_ = 0;  // questions
  bool clock_runs_ = false;
  // Handlers may be on their way when this ends: they ask whether it still is.
  std::shared_ptr<Channel*> self_ = std::make_shared<Channel*>(this);
};

namespace {

std::vector<ares_addr_port_node> nodes_of(const std::vector<ResolverAddress>& resolvers) {
  std::vector<ares_addr_port_node> nodes(resolvers.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const ResolverAddress& from = resolvers[i];
    ares_addr_port_node& node = nodes[i];
    node.next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
    node.udp_port = node.tcp_port = from.port;
    if (from.address.version == IpVersion::v4) {
      node.family = AF_INET;
      std::memcpy(&node.addr.addr4, from.address.bytes.data(), 4);
    } else {
      node.family = AF_INET6;
      std::memcpy(&node.addr.addr6, from.address.bytes.data(), 16);
    }
  }
  return nodes;
}

// How many resolvers the system names.
std::size_t resolvers_of_the_system() {
  ares_channel channel = nullptr;
  if (ares_init(&channel) != ARES_SUCCESS) return 1;
  ares_addr_port_node* first = nullptr;
  std::size_t count = 0;
  if (ares_get_servers_ports(channel, &first) == ARES_SUCCESS) {
    for (const ares_addr_port_node* node = first; node != nullptr; node = node->next) ++count;
    ares_free_data(first);
  }
  ares_destroy(channel);
  return std::max<std::size_t>(1, count);
}

std::size_t resolver_count(const NameResolverOptions& options) {
  return options.resolvers.empty() ? resolvers_of_the_system() : options.resolvers.size();
}

// Every resolver is tried in turn, then all again with twice the wait. Channels wait differently: what a
// server had no room for would else come again all at once, and find none again.
int first_wait(const NameResolverOptions& options, std::size_t channel) {
  const auto resolvers = static_cast<std::int64_t>(resolver_count(options));
  const std::int64_t waits = resolvers * ((std::int64_t{1} << std::min(options.tries, 16U)) - 1);
  const auto longest = options.timeout / waits;
  const auto shorter = longest * static_cast<std::int64_t>(channel) / static_cast<std::int64_t>(3 * channels);
  return static_cast<int>(std::max(longest - shorter, shortest_wait).count());
}

}  // namespace

Result<void> NameResolver::Channel::open(const NameResolverOptions& options, std::size_t number) {
  ares_options chosen{};
  chosen.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS | ARES_FLAG_STAYOPEN;
  // A failure is told to the next resolver; where there is none, what the one said is the answer.
  if (resolver_count(options) == 1) chosen.flags |= ARES_FLAG_NOCHECKRESP;
  chosen.timeout = first_wait(options, number);
  chosen.tries = static_cast<int>(std::min(options.tries, 16U));
  chosen.ednspsz = largest_datagram;
  chosen.socket_receive_buffer_size = receive_room;
  chosen.sock_state_cb = &Channel::on_socket;
  chosen.sock_state_cb_data = this;
  const int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                    ARES_OPT_SOCK_RCVBUF | ARES_OPT_SOCK_STATE_CB | ARES_OPT_ROTATE;
  int status = ares_init_options(&channel_, &chosen, given);
  if (status != ARES_SUCCESS) {
    channel_ = nullptr;
  } else if (!options.resolvers.empty()) {
    std::vector<ares_addr_port_node> nodes = nodes_of(options.resolvers);
    status = ares_set_servers_ports(channel_, nodes.data());
  }
  if (status != ARES_SUCCESS) return error("cannot set up a resolver: {}", ares_strerror(status));
  return {};
}

void NameResolver::Channel::ask(const std::string& name, const std::shared_ptr<Lookup>& lookup) {
  for (const IpVersion family : {IpVersion::v4, IpVersion::v6}) {
    ++open_;
    ++lookup->open;
    ares_query(channel_, name.c_str(), ns_c_in, family == IpVersion::v4 ? ns_t_a : ns_t_aaaa,
               &Channel::on_answer, new Question{this, lookup, family});
  }
  look_at_the_clock();
}

// Called by c-ares, also within ask(), and for what is still open when the channel is destroyed.
void NameResolver::Channel::on_answer(void* asked, int status, int, unsigned char* answer, int size) {
  const std::unique_ptr<Question> question(static_cast<Question*>(asked));
  --question->channel->open_;
  if (status == ARES_EDESTRUCTION) return;
  Lookup& lookup = *question->lookup;
  Lookup::Part& part = lookup.parts[question->family == IpVersion::v4 ? 0 : 1];
  part.state =
      status == ARES_SUCCESS ? take_addresses(answer, size, question->family, part.found) : state_of(status);
  if (--lookup.open == 0) lookup.over.cancel();
}

void NameResolver::Channel::on_socket(void* self, ares_socket_t number, int readable, int writable) {
  Channel& channel = *static_cast<Channel*>(self);
  auto at = channel.sockets_.find(number);
  if (readable == 0 && writable == 0) {
    if (at == channel.sockets_.end()) return;
    at->second->gone = true;
    at->second->descriptor.release();  // c-ares closes it
    channel.sockets_.erase(at);
    return;
  }
  if (at == channel.sockets_.end())
    at = channel.sockets_.emplace(number, std::make_shared<Watched>(channel.loop_, number)).first;
  at->second->wants_read = readable != 0;
  at->second->wants_write = writable != 0;
  channel.wait_for(at->second);
}

void NameResolver::Channel::wait_for(const std::shared_ptr<Watched>& socket) {
  using Descriptor = asio::posix::stream_descriptor;
  const auto watch = [&](bool wanted, bool Watched::*waits, Descriptor::wait_type what) {
    if (!wanted || (*socket).*waits) return;
    (*socket).*waits = true;
    socket->descriptor.async_wait(
        what, [self = self_, socket, waits, what](boost::system::error_code problem) {
          (*socket).*waits = false;
          if (*self == nullptr || socket->gone || problem) return;
          const ares_socket_t number = socket->descriptor.native_handle();
          const bool reads = what == Descriptor::wait_read;
          (*self)->process(reads ? number : ARES_SOCKET_BAD, reads ? ARES_SOCKET_BAD : number);
          if (!socket->gone) (*self)->wait_for(socket);
        });
  };
  watch(socket->wants_read, &Watched::waits_read, Descriptor::wait_read);
  watch(socket->wants_write, &Watched::waits_write, Descriptor::wait_write);
}

void NameResolver::Channel::process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_, readable, writable);
}

// One timer for all questions, as long as there are any.
void NameResolver::Channel::look_at_the_clock() {
  if (clock_runs_ || open_ == 0) return;
  clock_runs_ = true;
  clock_.expires_after(between_looks_at_the_clock);
  clock_.async_wait([self = self_](boost::system::error_code cancelled) {
    if (cancelled || *self == nullptr) return;
    (*self)->clock_runs_ = false;
    (*self)->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    (*self)->look_at_the_clock();
  });
}

// --- the resolver

Result<std::unique_ptr<NameResolver>> NameResolver::make(asio::io_context& loop,
                                                         const NameResolverOptions& options) {
  if (const int status = ares_library_init(ARES_LIB_INIT_ALL); status != ARES_SUCCESS)
    return error("cannot set up a resolver: {}", ares_strerror(status));
  std::unique_ptr<NameResolver> resolver(new NameResolver(loop));
  for (std::size_t i = 0; i < channels; ++i) {
    auto& channel = resolver->channels_.emplace_back(std::make_unique<Channel>(loop));
    if (auto opened = channel->open(options, i); !opened) return tl::unexpected(opened.error());
  }
  return resolver;
}

NameResolver::NameResolver(asio::io_context& loop) : loop_(loop) {}
NameResolver::~NameResolver() = default;

asio::awaitable<ResolvedName> NameResolver::resolve(std::string name) {
  ResolvedName known;
  if (const auto address = IpAddress::parse(name)) {
    known.state = NameState::resolved;
    known.addresses.push_back(*address);
    co_return known;
  }
  if (!is_askable_name(name)) {
    known.state = NameState::bad_name;
    co_return known;
  }
  const auto lookup = std::make_shared<Lookup>(loop_);
  Channel& channel = *channels_[next_channel_++ % channels_.size()];
  channel.ask(name, lookup);
  std::string().swap(name);
  boost::system::error_code ignored;
  while (lookup->open > 0)
    co_await lookup->over.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return lookup->result();
}

// --- words

bool is_askable_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > longest_name) return false;
  while (true) {
    const std::string_view label = name.substr(0, name.find('.'));
    if (label.empty() || label.size() > longest_label || !std::ranges::all_of(label, is_name_character))
      return false;
    if (label.size() == name.size()) return true;
    name.remove_prefix(label.size() + 1);
  }
}

}  // namespace spiderling
