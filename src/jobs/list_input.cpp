#include "jobs/list_input.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace spiderling {
namespace {

constexpr std::chrono::milliseconds for_ever{-1};

// Whether a packed file may begin so. Lists begin with a brace, a digit, white space or a byte order mark.
bool may_be_packed(std::uint8_t first) {
  constexpr std::uint8_t packed[] = {0x1f, 0x28, 0x42, 0xfd, 0x04};
  const bool skippable_zstd = (first & 0xf0) == 0x50;
  return skippable_zstd || std::ranges::find(packed, first) != std::end(packed);
}

}  // namespace

ListInput::Got ListInput::read(std::span<std::uint8_t> room) {
  if (!damage_.empty()) return {InputFile::State::failed};
  if (!head_read_) {
    if (const Got head = read_head(); head.state != InputFile::State::data) return head;
  }
  if (unpacker_) return unpack(room);
  if (from_ < to_) return give_stored(room);
  const auto got = input_.read(room, for_ever);
  if (got.state == InputFile::State::failed) return fail(got);
  return {got.state, got.size};
}

// `data`: there is something, and it is known how it is packed.
ListInput::Got ListInput::read_head() {
  while (to_ < head_bytes && !input_ended_ && (to_ == 0 || may_be_packed(stored_[0]))) {
    const auto got = input_.read(std::span(stored_).subspan(to_), for_ever);
    switch (got.state) {
      case InputFile::State::data: to_ += got.size; break;
      case InputFile::State::ended: input_ended_ = true; break;
      case InputFile::State::failed: return fail(got);
      case InputFile::State::waiting:
      case InputFile::State::cancelled: return {got.state};
    }
  }
  auto chosen = Unpacker::choose(std::span(stored_).first(to_), name_);
  if (!chosen) return fail(chosen.error().message);
  unpacker_ = std::move(*chosen);
  head_read_ = true;
  return {InputFile::State::data};
}

ListInput::Got ListInput::give_stored(std::span<std::uint8_t> room) {
  const std::size_t size = std::min(room.size(), to_ - from_);
  std::memcpy(room.data(), stored_.data() + from_, size);
  from_ += size;
  return {InputFile::State::data, size};
}

ListInput::Got ListInput::unpack(std::span<std::uint8_t> room) {
  std::size_t made = 0;
  while (made == 0) {
    if (from_ == to_ && !may_hold_more_) {
      if (input_ended_) {
        if (unpacker_->complete()) return {InputFile::State::ended};
        return fail(name_ + ": the packed data is cut before its end; what came before is used");
      }
      const auto got = input_.read(stored_, for_ever);
      if (got.state == InputFile::State::failed) return fail(got);
      if (got.state == InputFile::State::waiting || got.state == InputFile::State::cancelled)
        return {got.state};
      input_ended_ = got.state == InputFile::State::ended;
      from_ = 0;
      to_ = got.size;
      continue;
    }
    auto step = unpacker_->unpack(std::span(stored_).subspan(from_, to_ - from_), room);
    from_ += step.used;
    made = step.made;
    may_hold_more_ = made == room.size();
    if (step.damage.empty()) continue;
    const Got failed = fail(fmt::format("{}: {}; what came before is used", name_, step.damage));
    return made == 0 ? failed : Got{InputFile::State::data, made};
  }
  return {InputFile::State::data, made};
}

ListInput::Got ListInput::fail(std::string why) {
  damage_ = std::move(why);
  return {InputFile::State::failed};
}

ListInput::Got ListInput::fail(const InputFile::Got& got) {
  return fail(fmt::format("{}: cannot be read on: {}", name_, std::strerror(got.error)));
}

}  // namespace spiderling
