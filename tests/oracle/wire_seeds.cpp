// Writes the seeds of the fuzz targets wire_dissect and wire_dns: one good packet of every kind, a few
// messages.
//
//     wire_seeds FUZZ_CORPUS_DIRECTORY
#include <filesystem>
#include <fstream>
#include <iostream>

#include "wire/testing_packets.h"

namespace spiderling {
namespace {

void write_file(const std::filesystem::path& path, std::initializer_list<std::uint8_t> prefix, Bytes bytes) {
  std::ofstream out(path, std::ios::binary);
  for (const std::uint8_t byte : prefix) out.put(static_cast<char>(byte));
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

// In the order of the table in fuzz/wire_dissect_fuzz.cpp.
std::uint8_t link_choice(LinkType type) {
  switch (type) {
    case LinkType::ethernet: return 0;
    case LinkType::linux_cooked: return 2;
    case LinkType::linux_cooked_v2: return 3;
    case LinkType::null: return 4;
    case LinkType::loop: return 5;
    case LinkType::ppp: return 6;
    case LinkType::ppp_hdlc: return 7;
    default: return 1;
  }
}

void write_messages(const std::filesystem::path& directory) {
  DnsBuffer<1024> dns;
  write_file(directory / "response", {}, testing::sample_detail::dns_response());
  write_file(directory / "query", {},
             *dns.header(1, 0x0100).question("www.example.org", dns_type::a).finish());
  const std::uint8_t mail[] = {0, 10, 4, 'm', 'a', 'i', 'l', 0xc0, 12};
  write_file(directory / "mail", {},
             *dns.clear()
                  .header(2, 0x8580)
                  .question("example.org", dns_type::mx)
                  .record(DnsBuilder::Section::answer, "example.org", dns_type::mx, 60, mail)
                  .finish());
  write_file(directory / "odd_names", {},
             *dns.clear().question("a\\.b.\\000\\255", dns_type::txt).question(".", dns_type::ns).finish());
}

}  // namespace
}  // namespace spiderling

int main(int argc, char** argv) {
  using namespace spiderling;
  if (argc != 2) {
    std::cerr << "usage: wire_seeds FUZZ_CORPUS_DIRECTORY\n";
    return 2;
  }
  const std::filesystem::path corpus = argv[1];
  std::filesystem::create_directories(corpus / "wire_dissect");
  std::filesystem::create_directories(corpus / "wire_dns");
  for (const auto& sample : testing::sample_packets()) {
    write_file(corpus / "wire_dissect" / sample.name, {link_choice(sample.link_type), 0}, sample.bytes);
  }
  write_messages(corpus / "wire_dns");
  return 0;
}
