#include "flows/chain_set.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace spiderling {

namespace {

// A key of JSON and a column of a table as it is.
bool is_plain(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && std::ranges::all_of(name, plain);
}

}  // namespace

Result<ChainSet> ChainSet::make(std::span<const ChainDescription* const> chains) {
  ChainSet set;
  std::set<std::string_view> chain_names;
  std::map<std::string_view, const char*> owner_of_field{
      {"pkt_first", nullptr}, {"pkt_last", nullptr}, {failed_chains_field, nullptr}};
  for (const ChainDescription* chain : chains) {
    if (!chain_names.insert(chain->name).second)
      return error("chain {} is named twice; once is enough", chain->name);
    for (const Field& field : chain->fields) {
      if (!is_plain(field.name))
        return error("chain {} has a field named '{}'; use letters, digits and _", chain->name, field.name);
      const auto [at, is_new] = owner_of_field.try_emplace(field.name, chain->name);
      if (!is_new && at->second == nullptr) {
        return error("chain {} has a field {}, which every record has already; rename it", chain->name,
                     field.name);
      }
      if (!is_new) {
        return error("chains {} and {} both have a field {}; leave one of them out", at->second, chain->name,
                     field.name);
      }
    }
    set.place(*chain);
  }
  set.make_foreign_states();
  return set;
}

void ChainSet::place(const ChainDescription& chain) {
  const std::size_t align = chain.state_align;
  const auto offset = static_cast<std::uint32_t>((blank_.size() + align - 1) / align * align);
  blank_.resize(offset + chain.state_size);
  const auto number = static_cast<std::uint32_t>(chains_.size());
  chains_.push_back({&chain, offset});
  if (chain.foreign != nullptr) {
    foreign_.push_back(chains_.back());
  } else {
    // Constructed where it is aligned, then copied: a state is trivially copyable.
    std::vector<std::max_align_t> place(chain.state_size / sizeof(std::max_align_t) + 1);
    chain.construct(place.data());
    std::memcpy(blank_.data() + offset, place.data(), chain.state_size);
  }

  const auto bind = [&](auto& hooks, auto function) {
    if (function != nullptr) hooks.push_back({function, offset, number});
  };
  bind(new_flow, chain.new_flow);
  bind(ip4, chain.ip4);
  bind(ip6, chain.ip6);
  bind(icmp4, chain.icmp4);
  bind(icmp6, chain.icmp6);
  bind(tcp, chain.tcp);
  bind(udp, chain.udp);
  bind(l4, chain.l4);
}

// Last, since a foreign chain is told of all.
void ChainSet::make_foreign_states() {
  for (std::size_t own = 0; own < chains_.size(); ++own) {
    const auto& foreign = chains_[own].chain->foreign;
    if (foreign != nullptr)
      held_.push_back(foreign->place(blank_.data() + chains_[own].state_offset, chains_, own));
  }
}

KeptStates keep_states(const ChainSet& chains, const std::uint8_t* states) {
  const std::size_t size = chains.blank_states().size();
  KeptStates copy(new std::uint8_t[size], LetGoStates(chains));
  std::memcpy(copy.get(), states, size);
  chains.keep(copy.get());
  return copy;
}

}  // namespace spiderling
