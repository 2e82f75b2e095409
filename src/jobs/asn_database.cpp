#include "jobs/asn_database.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

namespace spiderling {
namespace {

std::uint32_t bounded(std::uint64_t number) {
  return number <= UINT32_MAX ? static_cast<std::uint32_t>(number) : 0;
}

// "AS64496" or "64496"
std::uint32_t number_in(std::string_view text) {
  if (text.starts_with("AS") || text.starts_with("as")) text.remove_prefix(2);
  std::uint32_t number = 0;
  const auto [stopped, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && stopped == text.data() + text.size() ? number : 0;
}

std::uint32_t number_of(const MMDB_entry_data_s& data) {
  if (!data.has_data) return 0;
  switch (data.type) {
    case MMDB_DATA_TYPE_UINT16: return data.uint16;
    case MMDB_DATA_TYPE_UINT32: return data.uint32;
    case MMDB_DATA_TYPE_UINT64: return bounded(data.uint64);
    case MMDB_DATA_TYPE_UTF8_STRING: return number_in({data.utf8_string, data.data_size});
    default: return 0;
  }
}

std::uint32_t member(MMDB_entry_s& entry, const char* name) {
  MMDB_entry_data_s data{};
  const char* const path[] = {name, nullptr};
  return MMDB_aget_value(&entry, &data, path) == MMDB_SUCCESS ? number_of(data) : 0;
}

}  // namespace

struct AsnDatabase::State {
  MMDB_s file{};
  bool is_open = false;
  ~State() {
    if (is_open) MMDB_close(&file);
  }
};

AsnDatabase::AsnDatabase(std::unique_ptr<State> state) : state_(std::move(state)) {}
AsnDatabase::~AsnDatabase() = default;

Result<std::unique_ptr<AsnDatabase>> AsnDatabase::open(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return error("{}: {}; check the name", path, std::strerror(errno));
  if (!S_ISREG(about.st_mode)) return error("{} is no file; name a MaxMind database (.mmdb)", path);
  auto state = std::make_unique<State>();
  const int problem = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &state->file);
  if (problem != MMDB_SUCCESS)
    return error("{} cannot be used as a MaxMind database (.mmdb): {}", path, MMDB_strerror(problem));
  state->is_open = true;
  return std::unique_ptr<AsnDatabase>(new AsnDatabase(std::move(state)));
}

std::uint32_t AsnDatabase::find(const IpAddress& address) const {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  const sockaddr* wanted = nullptr;
  if (address.version == IpVersion::v4) {
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
    wanted = reinterpret_cast<const sockaddr*>(&v4);
  } else if (address.version == IpVersion::v6) {
    if (state_->file.metadata.ip_version == 4) return 0;
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
    wanted = reinterpret_cast<const sockaddr*>(&v6);
  } else {
    return 0;
  }
  int problem = MMDB_SUCCESS;
  auto found = MMDB_lookup_sockaddr(&state_->file, wanted, &problem);
  if (problem != MMDB_SUCCESS || !found.found_entry) return 0;
  const std::uint32_t number = member(found.entry, "autonomous_system_number");
  return number != 0 ? number : member(found.entry, "asn");
}

}  // namespace spiderling
