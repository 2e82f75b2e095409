// The door: how a chain, a chef or a measurement makes itself known, built in or loaded.
#pragma once

#include <cstdint>
#include <version>

#include <boost/version.hpp>

#define SPIDERLING_DETAIL_TEXT2(text) #text
#define SPIDERLING_DETAIL_TEXT(text) SPIDERLING_DETAIL_TEXT2(text)
#define SPIDERLING_DETAIL_JOIN2(a, b) a##b
#define SPIDERLING_DETAIL_JOIN(a, b) SPIDERLING_DETAIL_JOIN2(a, b)

namespace spiderling {

/// Raised with every change that an already built plugin cannot live with.
inline constexpr std::uint32_t plugin_api_version = 3;

/// What must be the same in a plugin and in the program besides: types of these libraries cross the border.
#if defined(_GLIBCXX_USE_CXX11_ABI)
inline constexpr const char* plugin_build =
    "libstdc++ with cxx11 ABI " SPIDERLING_DETAIL_TEXT(_GLIBCXX_USE_CXX11_ABI) ", Boost " BOOST_LIB_VERSION;
#else
inline constexpr const char* plugin_build = "another C++ library than libstdc++, Boost " BOOST_LIB_VERSION;
#endif

enum class PluginKind : std::uint32_t { chain = 1, chef = 2, measurement = 3 };

/// What one SPIDERLING_CHAIN, SPIDERLING_CHEF or SPIDERLING_MEASUREMENT leaves in its object file. Static and
/// constant; read by src/plugins. The first member stays where it is in every version of the interface, and
/// so does what spiderling_plugin_list() returns: that is how an outdated plugin is known.
struct Plugin {
  std::uint32_t api_version;
  PluginKind kind;
  const char* name;
  const char* source_file;
  /// The description of this kind: a `const ChainDescription*`, a `const ChefDescription*` or a
  /// `const MeasurementDescription*`.
  const void* (*description)();
  const char* build;    ///< plugin_build, as it was where the plugin was built
  const char* version;  ///< of the handler, as its class says; empty: it says none
};

/// The plugins of one program or shared object.
///
///     const PluginList list = spiderling_plugin_list();
///     for (auto one = list.begin; one != list.end; ++one) std::puts((*one)->name);
struct PluginList {
  const Plugin* const* begin;
  const Plugin* const* end;
};

/// What SPIDERLING_README leaves: the text that `spiderling plugins show NAME` prints.
struct PluginReadme {
  PluginKind kind;
  const char* plugin;  ///< its name
  const char* text;    ///< Markdown
};
struct PluginReadmeList {
  const PluginReadme* const* begin;
  const PluginReadme* const* end;
};

namespace detail {
/// `static constexpr const char* version` of a plugin's class, if it has one.
template <class T>
constexpr const char* version_of() {
  if constexpr (requires { static_cast<const char*>(T::version); })
    return T::version;
  else
    return "";
}
}  // namespace detail

}  // namespace spiderling

// The linker names the ends of the sections that the macros below fill, in each program and shared object
// anew.
extern "C" {
[[gnu::weak, gnu::visibility("hidden")]] extern const spiderling::Plugin* const __start_spiderling_plugins[];
[[gnu::weak, gnu::visibility("hidden")]] extern const spiderling::Plugin* const __stop_spiderling_plugins[];
[[gnu::weak,
  gnu::visibility("hidden")]] extern const spiderling::PluginReadme* const __start_spiderling_readmes[];
[[gnu::weak,
  gnu::visibility("hidden")]] extern const spiderling::PluginReadme* const __stop_spiderling_readmes[];

/// How a program finds the plugins of a shared object, and their READMEs.
[[gnu::used, gnu::visibility("default")]] inline spiderling::PluginList spiderling_plugin_list() {
  return {__start_spiderling_plugins, __stop_spiderling_plugins};
}
[[gnu::used, gnu::visibility("default")]] inline spiderling::PluginReadmeList spiderling_readme_list() {
  return {__start_spiderling_readmes, __stop_spiderling_readmes};
}
}

// Puts one Plugin into the list that the linker builds of them, in a program and in a shared object alike.
// `describe` is an expression in parentheses that gives the description; it may name Anchor, a type that no
// other file has. Without such a type in its parameters the description of a class would be one for the whole
// process (STB_GNU_UNIQUE), and two plugins with classes of the same name would be taken for each other.
#define SPIDERLING_PLUGIN(kind, name, version, describe)                                        \
  namespace {                                                                                   \
  struct SPIDERLING_DETAIL_JOIN(SpiderlingAnchor, __LINE__) {                                   \
    using Anchor = SPIDERLING_DETAIL_JOIN(SpiderlingAnchor, __LINE__);                          \
    static const void* description() { return static_cast<const void*>(&describe); }            \
  };                                                                                            \
  const ::spiderling::Plugin SPIDERLING_DETAIL_JOIN(spiderling_plugin_, __LINE__){              \
      ::spiderling::plugin_api_version,                                                         \
      kind,                                                                                     \
      name,                                                                                     \
      __FILE__,                                                                                 \
      &SPIDERLING_DETAIL_JOIN(SpiderlingAnchor, __LINE__)::description,                         \
      ::spiderling::plugin_build,                                                               \
      version};                                                                                 \
  [[gnu::used, gnu::section("spiderling_plugins")]] const ::spiderling::Plugin* const           \
      SPIDERLING_DETAIL_JOIN(spiderling_plugin_entry_,                                          \
                             __LINE__) = &SPIDERLING_DETAIL_JOIN(spiderling_plugin_, __LINE__); \
  }

/// What `spiderling plugins show NAME` prints of a plugin: Markdown, a string literal. `kind_of_plugin` is
/// chain, chef or measurement. At namespace scope, one a line, in any file of the program or shared object
/// that has the plugin.
///
///     SPIDERLING_README(chain, "ttl", R"(# ttl: time to live
///     The first packet's, each way.)")
#define SPIDERLING_README(kind_of_plugin, plugin_name, markdown)                                \
  namespace {                                                                                   \
  const ::spiderling::PluginReadme SPIDERLING_DETAIL_JOIN(spiderling_readme_, __LINE__){        \
      ::spiderling::PluginKind::kind_of_plugin, plugin_name, markdown};                         \
  [[gnu::used, gnu::section("spiderling_readmes")]] const ::spiderling::PluginReadme* const     \
      SPIDERLING_DETAIL_JOIN(spiderling_readme_entry_,                                          \
                             __LINE__) = &SPIDERLING_DETAIL_JOIN(spiderling_readme_, __LINE__); \
  }
