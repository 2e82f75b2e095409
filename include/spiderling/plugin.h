// The door: how a chain, a chef or a measurement makes itself known, built in or loaded.
#pragma once

#include <cstdint>

namespace spiderling {

/// Raised with every change that an already built plugin cannot live with.
inline constexpr std::uint32_t plugin_api_version = 1;

enum class PluginKind : std::uint32_t { chain = 1, chef = 2, measurement = 3 };

/// What one SPIDERLING_CHAIN, SPIDERLING_CHEF or SPIDERLING_MEASUREMENT leaves in its object file. Static and
/// constant; read by src/plugins.
struct Plugin {
  std::uint32_t api_version;
  PluginKind kind;
  const char* name;
  const char* source_file;
  /// The description of this kind: a `const ChainDescription*` for a chain, a `const ChefDescription*` for a
  /// chef.
  const void* (*description)();
};

/// The plugins of one program or shared object.
///
///     const PluginList list = spiderling_plugin_list();
///     for (auto one = list.begin; one != list.end; ++one) std::puts((*one)->name);
struct PluginList {
  const Plugin* const* begin;
  const Plugin* const* end;
};

}  // namespace spiderling

// The linker names the ends of the section that SPIDERLING_PLUGIN fills, in each program and shared object
// anew.
extern "C" {
[[gnu::weak, gnu::visibility("hidden")]] extern const spiderling::Plugin* const __start_spiderling_plugins[];
[[gnu::weak, gnu::visibility("hidden")]] extern const spiderling::Plugin* const __stop_spiderling_plugins[];

/// How a program finds the plugins of a shared object.
[[gnu::used, gnu::visibility("default")]] inline spiderling::PluginList spiderling_plugin_list() {
  return {__start_spiderling_plugins, __stop_spiderling_plugins};
}
}

#define SPIDERLING_DETAIL_JOIN2(a, b) a##b
#define SPIDERLING_DETAIL_JOIN(a, b) SPIDERLING_DETAIL_JOIN2(a, b)

/// Puts one Plugin into the list that the linker builds of them, in a program and in a shared object alike.
#define SPIDERLING_PLUGIN(kind, name, describe)                                                 \
  namespace {                                                                                   \
  const ::spiderling::Plugin SPIDERLING_DETAIL_JOIN(spiderling_plugin_, __LINE__){              \
      ::spiderling::plugin_api_version, kind, name, __FILE__, describe};                        \
  [[gnu::used, gnu::section("spiderling_plugins")]] const ::spiderling::Plugin* const           \
      SPIDERLING_DETAIL_JOIN(spiderling_plugin_entry_,                                          \
                             __LINE__) = &SPIDERLING_DETAIL_JOIN(spiderling_plugin_, __LINE__); \
  }
