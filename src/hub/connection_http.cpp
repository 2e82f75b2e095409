#include "hub/connection_http.h"

#include "hub/access.h"
#include "hub/status.h"

namespace spiderling {
namespace {

constexpr std::string_view plain = "text/plain; charset=utf-8";

std::string refusal(unsigned status, std::string_view text, std::string_view headers = {}) {
  return http_response(status, plain, text, headers);
}

}  // namespace

// What is sent is the last; what still comes is read and thrown away.
void Connection::respond(std::string response) {
  control_ = std::move(response);
  control_sent_ = 0;
  last_words_ = true;
  deadline_ = SteadyClock::now() + std::chrono::seconds(2);
  set_phase(Phase::closing);
  peer_closed_ = true;  // HTTP has no close frame to wait for
  pump();
}

void Connection::answer(const HttpRequest& request) {
  if (answer_if_refused(request)) return;
  if (request.wants_upgrade) return upgrade(request);
  answer_plain(request);
}

bool Connection::answer_if_refused(const HttpRequest& request) {
  const std::uint16_t own_ports[] = {hub_.in_port, hub_.out_port};
  if (!origin_is_allowed(request.origin, local_address_, own_ports, hub_.options.allowed_origins)) {
    hub_.reject(Rejection::origin, *this, request.origin);
    respond(refusal(403, "Pages of this origin may not connect (--allow-origin permits one).\n"));
    return true;
  }
  const bool for_everybody = !request.wants_upgrade && request.path == "/healthz";
  if (hub_.options.token.empty() || for_everybody || same_token(request.token, hub_.options.token))
    return false;
  hub_.reject(Rejection::no_token, *this, request.token.empty() ? "none" : "a wrong one");
  respond(
      refusal(401, "This hub wants a token: Authorization: Bearer TOKEN\n", "WWW-Authenticate: Bearer\r\n"));
  return true;
}

void Connection::upgrade(const HttpRequest& request) {
  const bool kitchen = port_ == HubPort::kitchens;
  if (request.websocket_version != "13") {
    hub_.reject(Rejection::not_http, *this, "a WebSocket version that is not 13");
    return respond(refusal(426, "WebSocket version 13, please.\n", "Sec-WebSocket-Version: 13\r\n"));
  }
  if (request.websocket_key.empty()) {
    hub_.reject(Rejection::not_http, *this, "no valid Sec-WebSocket-Key");
    return respond(refusal(400, "Sec-WebSocket-Key is missing or wrong.\n"));
  }
  hub_.sweep();
  const std::size_t most = kitchen ? hub_.options.max_kitchens : hub_.options.max_eaters;
  if ((kitchen ? hub_.kitchens().size() : hub_.eaters().size()) >= most || hub_.stopping) {
    hub_.reject(Rejection::full, *this, "");
    return respond(refusal(503, "This hub is full or about to stop.\n", "Retry-After: 10\r\n"));
  }
  control_ = upgrade_response(request.websocket_key);
  control_sent_ = 0;
  set_phase(Phase::hello);
  pump();
}

void Connection::answer_plain(const HttpRequest& request) {
  const bool head = request.method == "HEAD";
  if (!head && request.method != "GET")
    return respond(refusal(405, "GET, please.\n", "Allow: GET, HEAD\r\n"));
  if (port_ == HubPort::kitchens) {
    return respond(refusal(
        426, fmt::format("This port is for kitchens (WebSocket); HTTP is on port {}.\n", hub_.out_port),
        "Upgrade: websocket\r\n"));
  }
  const auto ok = [&](std::string_view type, std::string_view body) {
    respond(http_response(200, type, body, {}, head));
  };
  if (request.path == "/healthz") return ok(plain, "ok\n");
  if (request.path == "/status") return ok("application/json", status_payload(hub_) + "\n");
  if (request.path == "/metrics") return ok("text/plain; version=0.0.4; charset=utf-8", metrics_text(hub_));
  respond(refusal(404, "There are /healthz, /status and /metrics, and a WebSocket for eaters.\n"));
}

}  // namespace spiderling
