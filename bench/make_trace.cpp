// Makes the trace that the benchmarks run on. The same seed gives the same bytes, on every machine.
#include <exception>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "trace/pcap_writer.h"
#include "trace/traffic.h"

int main(int argc, char** argv) {
  using namespace spiderling::bench;
  TrafficOptions traffic;
  std::uint32_t snap_length = 65535;
  std::uint32_t concurrent = 0;
  std::string output;

  CLI::App app{"Makes a trace for benchmarks: the same seed, the same bytes."};
  app.add_option("--packets", traffic.packets, "Packets in all, about")->capture_default_str();
  app.add_option("--flows", traffic.flows, "Flows in all")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000'000));
  app.add_option("--seed", traffic.seed)->capture_default_str();
  app.add_option("--snaplen", snap_length, "Bytes kept of a packet")->capture_default_str();
  app.add_option("--concurrent", concurrent,
                 "Instead: so many TCP flows with two packets each, all alive at once");
  app.add_option("--output", output, "The pcap file to write")->required();
  CLI11_PARSE(app, argc, argv);

  try {
    PcapWriter out(output, snap_length);
    const PacketSink sink = [&](std::uint64_t time_us, std::span<const std::uint8_t> frame) {
      out.write(time_us, frame);
    };
    if (concurrent != 0) {
      make_concurrent(concurrent, traffic.seed, sink);
    } else {
      make_mixed(traffic, sink);
    }
    out.close();
    fmt::print("{} packets, {} bytes on the wire\n", out.packets(), out.wire_bytes());
  } catch (const std::exception& failure) {
    fmt::print(stderr, "make_trace: {}\n", failure.what());
    return 2;
  }
  return 0;
}
