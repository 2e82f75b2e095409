#include "plugins/shared_object.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/file_descriptor.h"

namespace spiderling {

namespace {

#if defined(__x86_64__)
constexpr std::uint16_t this_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t this_machine = EM_AARCH64;
#else
#error "name the ELF machine of this architecture here"
#endif

std::string name_of_machine(std::uint16_t machine) {
  switch (machine) {
    case EM_386: return "32-bit x86";
    case EM_X86_64: return "x86-64";
    case EM_ARM: return "32-bit ARM";
    case EM_AARCH64: return "64-bit ARM";
    case EM_RISCV: return "RISC-V";
    case EM_PPC64: return "64-bit PowerPC";
    case EM_S390: return "S/390";
    default: return fmt::format("machine {}", machine);
  }
}

// "undefined symbol: _ZN..." with the name as it stands in C++.
std::string readable(std::string reason) {
  constexpr std::string_view mark = "undefined symbol: ";
  const auto at = reason.find(mark);
  if (at == std::string::npos) return reason;
  const auto begin = at + mark.size();
  auto end = reason.find_first_of(" ,", begin);
  if (end == std::string::npos) end = reason.size();
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(reason.substr(begin, end - begin).c_str(), nullptr, nullptr, &status), &std::free);
  if (name) reason.replace(begin, end - begin, name.get());
  return reason + "; this program has no such function: build the plugin anew with this program's headers";
}

}  // namespace

Result<void> check_shared_object(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return error("{}: cannot be read: {}", path, std::strerror(errno));
  struct stat about {};
  if (::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) return error("{}: this is no file", path);
  Elf64_Ehdr header{};
  const ssize_t size = ::read(file.get(), &header, sizeof header);
  if (size < EI_NIDENT || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return error("{}: this is no shared object (c++ -shared -fPIC makes one)", path);
  // The machine stands in the same place in files of 32 and of 64 bits, in the byte order of the file.
  if (header.e_ident[EI_DATA] != ELFDATA2LSB || size < static_cast<ssize_t>(sizeof header) ||
      header.e_machine != this_machine || header.e_ident[EI_CLASS] != ELFCLASS64) {
    return error("{}: built for {}, this program is for {}: build it anew here", path,
                 header.e_ident[EI_DATA] == ELFDATA2LSB ? name_of_machine(header.e_machine)
                                                        : "a machine of the other byte order",
                 name_of_machine(this_machine));
  }
  if (header.e_type != ET_DYN)
    return error("{}: this is no shared object (c++ -shared -fPIC makes one)", path);
  return {};
}

Result<LoadedObject> load_shared_object(const std::string& path) {
  if (auto able = check_shared_object(path); !able) return tl::unexpected(able.error());
  // Without a slash the name would be looked for in the system's library folders.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = ::dlerror();
    std::string text = readable(reason == nullptr ? "cannot be loaded" : reason);
    if (text.starts_with(file + ": ")) text.erase(0, file.size() + 2);
    return error("{}: {}", path, text);
  }
  using List = PluginList (*)();
  const auto list = reinterpret_cast<List>(::dlsym(handle, "spiderling_plugin_list"));
  const PluginList found = list == nullptr ? PluginList{} : list();
  if (found.begin == found.end) {
    return error(
        "{}: there is no plugin in it (SPIDERLING_CHAIN, SPIDERLING_CHEF or SPIDERLING_MEASUREMENT "
        "makes one)",
        path);
  }
  LoadedObject object{{found.begin, found.end}, {}};
  for (const Plugin* plugin : object.plugins) {
    if (plugin->api_version != plugin_api_version) {
      return error("{}: built for plugin interface {}, this program has {}: build it anew", path,
                   plugin->api_version, plugin_api_version);
    }
    if (std::strcmp(plugin->build, plugin_build) != 0) {
      return error("{}: built with {}, this program with {}: build it anew with the same", path,
                   plugin->build, plugin_build);
    }
  }
  using ReadmeList = PluginReadmeList (*)();
  if (const auto readmes = reinterpret_cast<ReadmeList>(::dlsym(handle, "spiderling_readme_list"))) {
    const PluginReadmeList texts = readmes();
    object.readmes.assign(texts.begin, texts.end);
  }
  return object;
}

}  // namespace spiderling
