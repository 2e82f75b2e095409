// What a handler in a shared object costs over the same code built in: plugin_bench TRACE PLUGIN.so ROUNDS
//
// A part of the trace lies in memory. Each round runs every case once, in turn; a line is a case: its name
// and its nanoseconds a packet, round by round.
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "capture/source.h"
#include "flows/observer.h"
#include "kitchen/kitchen.h"
#include "plugins/registry.h"
#include "plugins/shared_object.h"

namespace {

using namespace spiderling;

constexpr std::size_t most_packets = 500'000;

// Frames with bytes of their own.
struct Packets {
  std::vector<std::vector<std::uint8_t>> bytes;
  std::vector<Frame> frames;
};

Packets read_packets(const char* path) {
  Packets packets;
  auto source = Source::open(path, SourceOptions{});
  if (!source) throw std::runtime_error(source.error().message);
  std::array<Frame, 256> room;
  while (packets.frames.size() < most_packets) {
    const auto batch = (*source)->stream(0).next(room, std::chrono::milliseconds(100));
    if (batch.state == StreamState::ended) break;
    for (std::size_t i = 0; i < batch.count; ++i) {
      packets.bytes.emplace_back(room[i].data, room[i].data + room[i].captured);
      packets.frames.push_back(room[i]);
      packets.frames.back().data = packets.bytes.back().data();
    }
  }
  return packets;
}

class NoRecords : public FlowSink {
 public:
  void flow_ended(const FlowRecord&) override {}
};
class NoDumplings : public DumplingSink {
 public:
  bool put(std::string_view, std::size_t) override { return true; }
};

const void* description_in(const std::vector<const Plugin*>& plugins, PluginKind kind,
                           std::string_view name) {
  for (const Plugin* plugin : plugins) {
    if (plugin->kind == kind && plugin->name == name) return plugin->description();
  }
  throw std::runtime_error("no plugin " + std::string(name));
}

struct Case {
  std::string name;
  std::function<void(const Packets&)> run;
};

Case chains(std::string name, std::vector<const ChainDescription*> list) {
  return {std::move(name), [list = std::move(list)](const Packets& packets) {
            const auto set = ChainSet::make(list);
            if (!set) throw std::runtime_error(set.error().message);
            NoRecords sink;
            Observer observer(*set, ObserverOptions{}, sink);
            observer.process(packets.frames);
          }};
}
Case chefs(std::string name, const ChefDescription* chef) {
  return {std::move(name), [chef](const Packets& packets) {
            NoDumplings sink;
            Kitchen kitchen({.time = KitchenOptions::Time::of_packets}, sink);
            if (const auto taken = kitchen.take_on(*chef); !taken)
              throw std::runtime_error(taken.error().message);
            kitchen.start();
            kitchen.process(packets.frames);
          }};
}

std::vector<Case> cases_of(const std::vector<const Plugin*>& loaded) {
  const PluginList own = spiderling_plugin_list();
  const std::vector<const Plugin*> built_in(own.begin, own.end);
  const auto chain = [](const auto& plugins, std::string_view name) {
    return static_cast<const ChainDescription*>(description_in(plugins, PluginKind::chain, name));
  };
  const auto chef = [](const auto& plugins) {
    return static_cast<const ChefDescription*>(description_in(plugins, PluginKind::chef, "Syns"));
  };
  return {
      chains("no chain", {}),
      chains("chain, built in", {chain(built_in, "windows_built_in")}),
      chains("chain, loaded", {chain(loaded, "windows_loaded")}),
      chains("chain with an unused hook, loaded", {chain(loaded, "silent_loaded")}),
      chefs("chef, built in", chef(built_in)),
      chefs("chef, loaded", chef(loaded)),
  };
}

double nanoseconds_a_packet(const Case& one, const Packets& packets) {
  const auto began = std::chrono::steady_clock::now();
  one.run(packets);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
  return took.count() / static_cast<double>(packets.frames.size());
}

int bench(const char* trace, const char* plugin, int rounds) {
  const auto object = load_shared_object(plugin);
  if (!object) throw std::runtime_error(object.error().message);
  const Packets packets = read_packets(trace);
  const std::vector<Case> cases = cases_of(object->plugins);
  std::vector<std::string> lines(cases.size());
  for (int round = -1; round < rounds; ++round) {  // one to warm up
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const double cost = nanoseconds_a_packet(cases[i], packets);
      if (round >= 0) lines[i] += fmt::format("\t{:.3f}", cost);
    }
  }
  for (std::size_t i = 0; i < cases.size(); ++i)
    std::printf("%s%s\n", cases[i].name.c_str(), lines[i].c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: plugin_bench TRACE PLUGIN.so ROUNDS\n");
    return 2;
  }
  try {
    return bench(argv[1], argv[2], std::atoi(argv[3]));
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "plugin_bench: %s\n", problem.what());
    return 1;
  }
}
