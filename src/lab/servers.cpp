#include "lab/servers.h"

#include <algorithm>
#include <string_view>

#include "host/program.h"

namespace spiderling::lab {
namespace {

struct NeededProgram {
  const char* name;
  std::string_view package;
};
constexpr NeededProgram needed_programs[] = {
    {"ip", "iproute2"}, {"nft", "nftables"},    {"nginx", "nginx"},
    {"knotd", "knot"},  {"openssl", "openssl"}, {"apache2", "apache2-bin"},
};

// Two processes share each port. The queue is as long as somaxconn allows; any SYN may carry data (Fast
// Open).
std::string listen(std::uint16_t port, std::string_view how) {
  constexpr std::string_view tuning = "reuseport backlog=65535 fastopen=4096";
  return fmt::format("    listen 0.0.0.0:{0} {1} {2};\n    listen [::]:{0} ipv6only=on {1} {2};\n", port, how,
                     tuning);
}

}  // namespace

std::string nginx_configuration(const std::string& folder) {
  return fmt::format(R"(user root;
daemon off;
worker_processes 2;
worker_rlimit_nofile 200000;
pid {0}/nginx.pid;
error_log {0}/nginx.log warn;
events {{
  worker_connections 65536;
  multi_accept on;
}}
http {{
  access_log off;
  server_tokens off;
  tcp_nodelay on;
  reset_timedout_connection on;
  keepalive_timeout 10s;
  client_header_timeout 30s;
  client_body_temp_path {0}/body;
  proxy_temp_path {0}/proxy;
  fastcgi_temp_path {0}/fastcgi;
  uwsgi_temp_path {0}/uwsgi;
  scgi_temp_path {0}/scgi;
  ssl_certificate {0}/certificate.pem;
  ssl_certificate_key {0}/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:4m;
  default_type text/plain;
  server {{
{1}{2}{3}{4}{5}{6}    location / {{
      return 200 "spiderling lab: $server_addr $server_protocol\n";
    }}
  }}
}}
)",
                     folder, listen(port::http, ""), listen(port::https, "ssl http2"),
                     listen(port::h2c, "http2"), listen(port::https_without_h2, "ssl"),
                     listen(port::h2c_without_h2, ""), listen(port::h2c_by_upgrade_without_h2, ""));
}

std::string apache_configuration(const std::string& folder) {
  return fmt::format(R"(ServerRoot {0}
ServerName lab.test
PidFile {0}/apache2.pid
DefaultRuntimeDir {0}
Mutex sem
LoadModule mpm_event_module {1}/mod_mpm_event.so
LoadModule http2_module {1}/mod_http2.so
LoadModule authz_core_module {1}/mod_authz_core.so
LoadModule dir_module {1}/mod_dir.so
User www-data
Group www-data
ErrorLog {0}/apache2.log
LogLevel warn
Listen 0.0.0.0:{2}
Listen [::]:{2}
ListenBacklog 65535
StartServers 2
ServerLimit 2
ThreadsPerChild 64
ThreadLimit 64
MaxRequestWorkers 128
AsyncRequestWorkerFactor 1000
Protocols h2c http/1.1
H2Upgrade on
KeepAliveTimeout 10
DocumentRoot {0}/apache2
<Directory "/">
  Require all granted
</Directory>
FallbackResource /index.txt
)",
                     folder, "/usr/lib/apache2/modules", port::h2c_by_upgrade);
}

bool needs_apache(const Scenario& scenario) {
  return std::ranges::any_of(scenario.hosts,
                             [](const Host& host) { return host.port == port::h2c_by_upgrade; });
}

std::string knot_configuration(const std::string& folder) {
  return fmt::format(R"(server:
  rundir: {0}
  listen: [ "0.0.0.0@{1}", "::@{1}" ]
  udp-workers: 1
  tcp-workers: 2
  background-workers: 1
  tcp-max-clients: 20000
  tcp-idle-timeout: 10
  tcp-fastopen: on
  tcp-reuseport: on
database:
  storage: {0}
  journal-db-max-size: 1M
  kasp-db-max-size: 5M
  timer-db-max-size: 1M
  catalog-db-max-size: 5M
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: {0}
    semantic-checks: off
    zonefile-load: whole
    journal-content: none
zone:
  - domain: .
    file: every-name.zone
)",
                     folder, port::dns);
}

// Only the root and ns. exist, so that the wildcard stands for every other name, however deep.
std::string zone_of_every_name() {
  return fmt::format(
      ". 300 SOA ns. lab. 1 3600 600 86400 300\n"
      ". 300 NS ns.\n"
      "ns. 300 A 192.0.2.53\n"
      "ns. 300 AAAA 2001:db8::53\n"
      "* 300 A {}\n"
      "* 300 AAAA {}\n"
      "* 300 TXT \"spiderling lab\"\n",
      every_name_v4, every_name_v6);
}

Result<void> find_lab_programs() {
  for (const NeededProgram& needed : needed_programs)
    if (!find_program(needed.name))
      return error("the lab needs the program '{}': apt install {}", needed.name, needed.package);
  return {};
}

}  // namespace spiderling::lab
