// spiderling new: a starting point for a plugin.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "app/command.h"
#include "app/command_line.h"
#include "app/plugin_options.h"
#include "app/plugin_template.h"
#include "base/file_descriptor.h"
#include "plugins/python_door.h"
#include "plugins/registry.h"

namespace spiderling::app {
namespace {

namespace fs = std::filesystem;

constexpr mode_t usual_mode = 0666;  // what the umask leaves of it

bool knows(const Registry& registry, std::string_view kind, std::string_view name) {
  const auto is_it = [&](const auto* one) { return one->name == name; };
  if (kind == "chef") return std::ranges::any_of(registry.chefs(), is_it);
  if (kind == "chain") return std::ranges::any_of(registry.chains(), is_it);
  return std::ranges::any_of(registry.measurements(), is_it);
}

// Never over a file that is there.
Result<void> write_new(const fs::path& path, std::string_view text) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, usual_mode));
  if (!file) return error("cannot make {}: {}", path.string(), std::strerror(errno));
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return error("cannot write {}: {}", path.string(), std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> make_folder(const fs::path& folder) {
  std::error_code problem;
  if (fs::exists(folder, problem) && !fs::is_empty(folder, problem))
    return error("{} is there already, and is not touched: choose another name, or --dir", folder.string());
  fs::create_directories(folder, problem);
  if (problem) return error("cannot make {}: {}", folder.string(), problem.message());
  return {};
}

// For CMake, if it does not look there by itself.
std::string prefix_option() {
  std::error_code ignored;
  const fs::path bin = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  const fs::path prefix = bin.parent_path();
  if (bin.filename() != "bin" || prefix == "/usr" || prefix == "/usr/local") return {};
  return fmt::format(" -DCMAKE_PREFIX_PATH={}", prefix.string());
}

std::string how_to_run(std::string_view kind, const PluginName& name, const std::string& build) {
  if (kind == "chef")
    return fmt::format("nd-sniff -i TRACE.pcap --output - --chef-module {}/lib{}.so", build, name.snake);
  if (kind == "chain")
    return fmt::format("spiderling observe --plugin-dir {} -i TRACE.pcap basic {}", build, name.snake);
  return fmt::format("sudo spiderling measure --plugin-dir {} -i INTERFACE {} < targets.ndjson", build,
                     name.snake);
}

std::string next_steps(const std::string& kind, const PluginName& name, const fs::path& folder) {
  const std::string build = (folder / "build").string();
  return fmt::format("  cmake -S {} -B {}{} && cmake --build {}\n  ctest --test-dir {}\n  {}\n",
                     folder.string(), build, prefix_option(), build, build, how_to_run(kind, name, build));
}

// For python3, if it does not look there by itself.
std::string python_path_option() {
  const fs::path packages = python_folders().packages;
  return packages == "/usr/lib/python3/dist-packages" ? std::string()
                                                      : fmt::format("PYTHONPATH={} ", packages.string());
}

std::string next_steps_in_python(const std::string& kind, const PluginName& name, const fs::path& folder) {
  const std::string module = (fs::path(".") / folder / name.snake).lexically_normal().string();
  const std::string run =
      kind == "chef"    ? fmt::format("nd-sniff -i TRACE.pcap --output - --chef-module {}.py", module)
      : kind == "chain" ? fmt::format("spiderling observe -i TRACE.pcap basic {}.py", module)
                        : fmt::format("cd {} && sudo spiderling measure -i INTERFACE {} < targets.ndjson",
                                      folder.string(), name.snake);
  return fmt::format("  {}/usr/bin/python3 {}_test.py\n  {}\n", python_path_option(), module, run);
}

Result<void> make_plugin(const Registry& registry, const std::string& kind, const PluginName& name,
                         const fs::path& folder, bool in_python) {
  if (knows(registry, kind, name.of(kind)))
    return error("there is a {} '{}' already; choose another name", kind, name.of(kind));
  if (auto fits = in_python ? check_python_name(name) : Result<void>(); !fits) return fits;
  if (auto made = make_folder(folder); !made) return made;
  for (const FilledFile& file : fill_templates(in_python ? kind + "_python" : kind, name)) {
    const fs::path path = folder / file.name;
    std::error_code problem;
    fs::create_directories(path.parent_path(), problem);
    if (problem) return error("cannot make {}: {}", path.parent_path().string(), problem.message());
    if (auto written = write_new(path, file.text); !written) return written;
    fmt::print("{}\n", path.string());
  }
  fmt::print("\nNext:\n{}",
             in_python ? next_steps_in_python(kind, name, folder) : next_steps(kind, name, folder));
  return {};
}

}  // namespace

int new_plugin(const Arguments& arguments) {
  std::string kind, name, folder;
  bool in_python = false;
  CLI::App cli(
      "Makes a folder with a plugin that runs, and a test of it that passes: a starting point of your own.",
      arguments.called_as);
  cli.footer(
      "Examples:\n  spiderling new chain my_chain\n  spiderling new chef MyChef --python\nExit status: 0 "
      "made, 2 nothing was made, or not all of "
      "it.");
  cli.add_option("KIND", kind, "chef, chain or measurement")
      ->required()
      ->check(CLI::IsMember({"chef", "chain", "measurement"}));
  cli.add_option("NAME", name, "What it is called: my_chain, MyChef")->required();
  cli.add_option("--dir", folder, "The folder to make (the name)")->type_name("DIR");
  cli.add_flag("--python", in_python, "In Python, not in C++");
  add_plugin_options(cli);
  if (const auto exit = parse_command_line(cli, arguments)) return *exit;
  const auto parsed = parse_plugin_name(name);
  const auto found = find_plugins(arguments);
  const auto made =
      !parsed  ? Result<void>(tl::unexpected(parsed.error()))
      : !found ? Result<void>(tl::unexpected(found.error()))
               : make_plugin(*found, kind, *parsed, folder.empty() ? parsed->snake : folder, in_python);
  if (made) return success;
  fmt::print(stderr, "{}: {}\n", arguments.called_as, made.error().message);
  return bad_request;
}

}  // namespace spiderling::app
