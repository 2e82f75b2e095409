// A run's journal: any bytes, and any bytes with checksums that are right.
//
// What is read is written again: it must say the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "campaign/journal_format.h"

namespace {

using namespace spiderling;

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void check(std::span<const std::uint8_t> bytes) {
  const auto state = read_journal(bytes);
  if (!state) return;
  if (is_unbegun_journal(bytes) || state->valid_length > bytes.size()) std::abort();
  if (state->finished.size() > state->digests.size()) std::abort();
  if (!difference(state->run, state->run).empty()) std::abort();
  // Its whole records alone say the same.
  const auto again = read_journal(bytes.first(static_cast<std::size_t>(state->valid_length)));
  if (!again || again->valid_length != state->valid_length || again->ended != state->ended ||
      again->finished.size() != state->finished.size() || again->output_length != state->output_length)
    std::abort();
}

// The input as records: a kind, a length of one byte, a body, over and over.
std::string as_journal(std::span<const std::uint8_t> input) {
  std::string text = journal_beginning({"ecn", "1.0.0", {{"--timeout", "5"}}});
  while (input.size() >= 2) {
    const std::size_t size = std::min<std::size_t>(input[1], input.size() - 2);
    const auto body = input.subspan(2, size);
    text += journal_record(static_cast<char>(input[0]), {reinterpret_cast<const char*>(body.data()), size});
    input = input.subspan(2 + size);
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> input(data, size);
  check(input);
  check(bytes_of(as_journal(input)));
  return 0;
}
