#include "flows/chain_guard.h"

#include <exception>

#include <fmt/format.h>

#include "base/log.h"

namespace spiderling {

namespace {

std::vector<std::string> names_of(const ChainSet& chains) {
  std::vector<std::string> names;
  for (const auto& placed : chains.chains()) names.push_back(fmt::format("chain {}", placed.chain->name));
  return names;
}

// In the order of ChainHooks::for_each().
constexpr const char* hook_names[ChainHooks::lists] = {"new_flow", "ip4", "ip6", "icmp4",
                                                       "icmp6",    "tcp", "udp", "l4"};

// What is being caught just now.
std::string problem() {
  try {
    throw;
  } catch (const std::exception& thrown) {
    return thrown.what();
  } catch (...) {
    return "threw no std::exception";
  }
}

}  // namespace

ChainGuard::ChainGuard(const ChainSet& chains, FailureLimit limit, Watchdog* watchdog)
    : hooks(chains), limit_(limit), watch_(watchdog, names_of(chains)) {
  for (const auto& placed : chains.chains()) accounts_.push_back({.name = placed.chain->name});
}

// How often any of its hooks was called. Each list counts for all of its hooks.
std::uint64_t ChainGuard::calls_of(std::uint32_t chain) {
  std::uint64_t calls = 0;
  hooks.for_each([&](const auto& list) {
    for (const auto& hook : list) {
      if (hook.chain == chain) calls += list.runs;
    }
  });
  return calls;
}

std::size_t ChainGuard::number_of(const void* list) {
  std::size_t number = 0, found = 0;
  hooks.for_each([&](const auto& one) {
    if (&one == list) found = number;
    ++number;
  });
  return found;
}

bool ChainGuard::has_failed(std::uint32_t chain, const void* list, std::uint64_t call) {
  Account& account = accounts_[chain];
  const std::size_t hook = number_of(list);
  InARow& row = account.in_a_row[hook];
  row.failures = call == row.last + 1 ? row.failures + 1 : 1;
  row.last = call;
  ++failures_;
  if (++account.failures == 1) {
    log::error("a chain failed; this is said once, and counted",
               {{"chain", account.name}, {"hook", hook_names[hook]}, {"problem", problem()}});
  }
  if (!limit_.reached(row.failures)) return false;
  log::error("a chain is set aside, since it failed again and again: its hooks are called no more",
             {{"chain", account.name},
              {"hook", hook_names[hook]},
              {"failures_in_a_row", row.failures},
              {"problem", problem()}});
  account.calls_set_aside = calls_of(chain);
  account.set_aside = true;
  set_aside_.add(chain);
  ++set_aside_count_;
  hooks.for_each(
      [&](auto& each) { std::erase_if(each, [&](const auto& bound) { return bound.chain == chain; }); });
  return true;
}

std::vector<ChainFigures> ChainGuard::figures() {
  std::vector<ChainFigures> all;
  for (std::uint32_t chain = 0; chain < accounts_.size(); ++chain) {
    const Account& a = accounts_[chain];
    all.push_back({{a.set_aside ? a.calls_set_aside : calls_of(chain), a.failures,
                    watch_.times_blocked(chain), a.busy, std::max(a.longest, watch_.longest_seen(chain))},
                   a.set_aside});
  }
  return all;
}

}  // namespace spiderling
