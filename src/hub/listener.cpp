#include "hub/listener.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>

namespace spiderling {
namespace {

// Out of descriptors or memory: waiting connections are taken a little later.
constexpr std::chrono::milliseconds accept_pause(100);

bool is_about_one_client(const ErrorCode& problem) {
  return problem == asio::error::connection_aborted || problem == asio::error::connection_reset ||
         problem == asio::error::try_again || problem == asio::error::interrupted;
}

}  // namespace

Result<std::vector<asio::ip::address>> resolve(asio::io_context& context, const std::string& address) {
  ErrorCode problem;
  if (const auto literal = asio::ip::make_address(address, problem); !problem) return std::vector{literal};
  Tcp::resolver resolver(context);
  const auto found = resolver.resolve(address, "", Tcp::resolver::passive, problem);
  std::vector<asio::ip::address> addresses;
  for (const auto& entry : found) {
    const auto one = entry.endpoint().address();
    if (std::find(addresses.begin(), addresses.end(), one) == addresses.end()) addresses.push_back(one);
  }
  if (problem || addresses.empty())
    return error("there is no address '{}' to listen on: {}", address, problem.message());
  // An IPv4 address first: it is the one that must work.
  std::stable_sort(addresses.begin(), addresses.end(),
                   [](const auto& a, const auto& b) { return a.is_v4() > b.is_v4(); });
  return addresses;
}

Result<void> load_tls(HubState& hub) {
  const HubOptions& options = hub.options;
  if (options.tls_cert.empty() && options.tls_key.empty()) return {};
  if (options.tls_cert.empty() || options.tls_key.empty())
    return error("TLS needs both --tls-cert and --tls-key");
  ErrorCode problem;
  auto& tls = hub.tls.emplace(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(tls.native_handle(), SSL_MODE_RELEASE_BUFFERS);  // an idle eater needs none
  tls.use_certificate_chain_file(options.tls_cert, problem);
  if (problem) return error("cannot use the certificate {}: {}", options.tls_cert, problem.message());
  tls.use_private_key_file(options.tls_key, asio::ssl::context::pem, problem);
  if (problem) return error("cannot use the key {}: {}", options.tls_key, problem.message());
  if (SSL_CTX_check_private_key(tls.native_handle()) != 1) {
    return error("the key {} does not belong to the certificate {}", options.tls_key, options.tls_cert);
  }
  return {};
}

Result<void> Listener::listen_on(const Tcp::endpoint& endpoint) {
  auto acceptor = std::make_unique<Tcp::acceptor>(hub_.context);
  ErrorCode problem;
  acceptor->open(endpoint.protocol(), problem);
  if (!problem) acceptor->set_option(Tcp::acceptor::reuse_address(true), problem);
  if (!problem) acceptor->bind(endpoint, problem);
  if (!problem) acceptor->listen(asio::socket_base::max_listen_connections, problem);
  const std::string address = endpoint.address().to_string();
  const std::string where = endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                                       : fmt::format("{}:{}", address, endpoint.port());
  if (problem == asio::error::address_in_use) {
    return error("{} is in use: another hub, perhaps; end it, or choose another port (--in-port, --out-port)",
                 where);
  }
  if (problem) return error("cannot listen on {}: {}", where, problem.message());
  acceptors_.push_back(std::move(acceptor));
  return {};
}

Result<std::uint16_t> Listener::listen(const std::vector<asio::ip::address>& addresses, std::uint16_t port) {
  for (const asio::ip::address& address : addresses) {
    const auto listening = listen_on({address, port});
    // localhost has ::1 in many a table although the machine has no IPv6.
    if (!listening && acceptors_.empty()) return tl::unexpected(listening.error());
    if (!listening && !address.is_v6()) return tl::unexpected(listening.error());
    if (!listening && listening.error().message.find("in use") != std::string::npos) {
      return tl::unexpected(listening.error());
    }
    if (listening) port = acceptors_.back()->local_endpoint().port();
  }
  return port;
}

void Listener::start() {
  for (const auto& acceptor : acceptors_) accept(*acceptor);
}

void Listener::stop() {
  ErrorCode ignored;
  for (const auto& acceptor : acceptors_) acceptor->close(ignored);
  pause_.cancel();
}

void Listener::accept(Tcp::acceptor& acceptor) {
  acceptor.async_accept([this, &acceptor](const ErrorCode& problem, Tcp::socket socket) {
    on_accept(acceptor, problem, std::move(socket));
  });
}

void Listener::on_accept(Tcp::acceptor& acceptor, const ErrorCode& problem, Tcp::socket socket) {
  if (!acceptor.is_open()) return;
  if (!problem) {
    const auto connection = std::make_shared<Connection>(hub_, std::move(socket), port_);
    hub_.add(connection);
    connection->start();
  } else if (!is_about_one_client(problem)) {
    if (problem_log_.allow(SteadyClock::now())) {
      log::error("cannot accept a connection",
                 {{"why", problem.message()}, {"not_logged", problem_log_.suppressed()}});
    }
    pause_.expires_after(accept_pause);
    pause_.async_wait([this, &acceptor](const ErrorCode& ended) {
      if (!ended || acceptor.is_open()) accept(acceptor);
    });
    return;
  }
  accept(acceptor);
}

}  // namespace spiderling
