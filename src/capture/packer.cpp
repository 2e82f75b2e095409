#include "capture/packer.h"

#include <zstd.h>

namespace spiderling {
namespace {

// Traces are written while we measure: level 1 packs some hundreds of MB a second, to a third.
constexpr int level = 1;

}  // namespace

struct ZstdPacker::State {
  struct Free {
    void operator()(ZSTD_CCtx* packing) const { ZSTD_freeCCtx(packing); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> stream{ZSTD_createCCtx()};
};

ZstdPacker::ZstdPacker() : state_(std::make_unique<State>()) {
  if (!state_->stream) return;
  ZSTD_CCtx_setParameter(state_->stream.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(state_->stream.get(), ZSTD_c_checksumFlag, 1);
}
ZstdPacker::~ZstdPacker() = default;

std::span<const std::uint8_t> ZstdPacker::pack(std::span<const std::uint8_t> bytes) {
  return run(bytes, false);
}
std::span<const std::uint8_t> ZstdPacker::finish() { return run({}, true); }

std::span<const std::uint8_t> ZstdPacker::run(std::span<const std::uint8_t> bytes, bool last) {
  packed_.clear();
  if (!state_->stream) return {};
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  std::size_t left = 1;
  while (left != 0) {
    const std::size_t before = packed_.size();
    packed_.resize(before + ZSTD_CStreamOutSize());
    ZSTD_outBuffer out = {packed_.data() + before, packed_.size() - before, 0};
    left = ZSTD_compressStream2(state_->stream.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_flush);
    if (ZSTD_isError(left) != 0) return {};
    packed_.resize(before + out.pos);
  }
  return packed_;
}

}  // namespace spiderling
