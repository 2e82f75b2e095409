#include "websocket/byte_stream.h"

#include <netdb.h>
#include <openssl/ssl.h>

#include "base/leavable_thread.h"

namespace spiderling {

namespace {

bool is_address(const std::string& host) {
  ErrorCode problem;
  asio::ip::make_address(host, problem);
  return !problem;
}

}  // namespace

// getaddrinfo() cannot be interrupted, and a name server may take half a minute to fail: it runs on a thread
// of its own, which nobody waits for once nobody wants the answer.
struct ByteStream::Lookup {
  int status = 0;
  std::vector<Tcp::endpoint> addresses;

  void run(const std::string& host, std::uint16_t port, int flags) {
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV | flags;
    addrinfo* found = nullptr;
    status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
      Tcp::endpoint address;
      if (one->ai_addrlen > address.capacity()) continue;
      std::memcpy(address.data(), one->ai_addr, one->ai_addrlen);
      address.resize(one->ai_addrlen);
      addresses.push_back(address);
    }
    if (found != nullptr) freeaddrinfo(found);
  }
};

asio::awaitable<Result<void>> ByteStream::open(const Endpoint& endpoint, const std::string& ca_file) {
  const auto addresses = co_await look_up(endpoint);
  if (!addresses) co_return tl::unexpected(addresses.error());
  const auto connected = co_await connect(endpoint, *addresses);
  if (!connected || !endpoint.tls) co_return connected;
  co_return co_await start_tls(endpoint, ca_file);
}

asio::awaitable<Result<std::vector<Tcp::endpoint>>> ByteStream::look_up(const Endpoint& endpoint) {
  const auto lookup = std::make_shared<Lookup>();
  LeavableThread thread;
  if (is_address(endpoint.host)) {
    lookup->run(endpoint.host, endpoint.port, AI_NUMERICHOST);
  } else {
    thread =
        LeavableThread([lookup, host = endpoint.host, port = endpoint.port] { lookup->run(host, port, 0); });
  }
  constexpr std::chrono::milliseconds longest_wait(50);
  for (std::chrono::milliseconds wait(1); !thread.is_over() && !closed_;
       wait = std::min(wait * 2, longest_wait)) {
    retry_.expires_after(wait);
    ErrorCode ignored;
    co_await retry_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (closed_) co_return error("given up");
  if (lookup->status == 0 && !lookup->addresses.empty()) co_return lookup->addresses;
  if (lookup->status == EAI_AGAIN) {
    co_return error("cannot look up the host '{}' now ({}): check the name and this machine's name servers",
                    endpoint.host, gai_strerror(lookup->status));
  }
  co_return error("there is no host '{}' ({}): check the name", endpoint.host, gai_strerror(lookup->status));
}

asio::awaitable<Result<void>> ByteStream::connect(const Endpoint& endpoint,
                                                  const std::vector<Tcp::endpoint>& addresses) {
  ErrorCode problem = asio::error::host_unreachable;
  for (const Tcp::endpoint& address : addresses) {
    ErrorCode ignored;
    socket_.close(ignored);
    co_await socket_.async_connect(address, asio::redirect_error(asio::use_awaitable, problem));
    if (!problem || closed_) break;
  }
  if (closed_) co_return error("given up");
  if (!problem) {
    ErrorCode ignored;
    socket_.set_option(Tcp::no_delay(true), ignored);
    co_return Result<void>();
  }
  if (problem == asio::error::connection_refused) {
    co_return error("nothing listens at {}: start a hub there (nd-hub), or name another", endpoint.uri());
  }
  co_return error("cannot connect to {}: {}", endpoint.uri(), problem.message());
}

asio::awaitable<Result<void>> ByteStream::start_tls(const Endpoint& endpoint, const std::string& ca_file) {
  ErrorCode problem;
  tls_context_.emplace(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls_context_->native_handle(), TLS1_2_VERSION);
  if (ca_file.empty()) {
    tls_context_->set_default_verify_paths(problem);
  } else {
    tls_context_->load_verify_file(ca_file, problem);
  }
  if (problem) co_return error("cannot read certificates from {}: {}", ca_file, problem.message());
  tls_.emplace(socket_, *tls_context_);
  SSL* const ssl = tls_->native_handle();
  tls_->set_verify_mode(asio::ssl::verify_peer, problem);
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
  if (is_address(endpoint.host)) {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, endpoint.host.c_str());
  } else {
    // As SSL_set_tlsext_host_name(), a macro with a cast of C's.
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(endpoint.host.c_str()));
    X509_VERIFY_PARAM_set1_host(wanted, endpoint.host.c_str(), endpoint.host.size());
  }
  co_await tls_->async_handshake(asio::ssl::stream_base::client,
                                 asio::redirect_error(asio::use_awaitable, problem));
  if (closed_) co_return error("given up");
  if (!problem) co_return Result<void>();
  if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK) {
    co_return error("the certificate of {} is not accepted: {} (--ca-file names the authority to trust)",
                    endpoint.uri(), X509_verify_cert_error_string(verdict));
  }
  co_return error("{} did not start TLS: {} (ws:// is the address of a hub without TLS)", endpoint.uri(),
                  problem.message());
}

void ByteStream::close() {
  closed_ = true;
  retry_.cancel();
  ErrorCode ignored;
  socket_.close(ignored);
}

}  // namespace spiderling
