// The floor of every reader built on libpcap: open, look at each packet's length, end.
#include <cstdint>
#include <cstdio>
#include <memory>

#include <pcap/pcap.h>

namespace {

struct Totals {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

void count(u_char* user, const pcap_pkthdr* header, const u_char*) {
  auto* totals = reinterpret_cast<Totals*>(user);
  ++totals->packets;
  totals->bytes += header->len;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: pcap_read FILE.pcap\n");
    return 2;
  }
  char reason[PCAP_ERRBUF_SIZE] = {};
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(pcap_open_offline(argv[1], reason), &pcap_close);
  if (!file) {
    std::fprintf(stderr, "pcap_read: %s\n", reason);
    return 2;
  }
  Totals totals;
  if (pcap_loop(file.get(), -1, count, reinterpret_cast<u_char*>(&totals)) != 0) {
    std::fprintf(stderr, "pcap_read: %s\n", pcap_geterr(file.get()));
    return 2;
  }
  std::printf("%llu packets, %llu bytes\n", static_cast<unsigned long long>(totals.packets),
              static_cast<unsigned long long>(totals.bytes));
  return 0;
}
