#include "capture/unpacker.h"

#define ZLIB_CONST  // zlib does not write to its input
#include <bzlib.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace spiderling {
namespace {

class GzipUnpacker : public Unpacker {
 public:
  GzipUnpacker() { usable_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }
  ~GzipUnpacker() override { inflateEnd(&stream_); }
  GzipUnpacker(const GzipUnpacker&) = delete;
  GzipUnpacker& operator=(const GzipUnpacker&) = delete;

  Step unpack(std::span<const std::uint8_t> packed, std::span<std::uint8_t> room) override {
    if (!usable_) return {0, 0, "no memory to unpack it"};
    std::size_t used = 0;
    if (between_) {
      used = padding(packed);
      if (used == packed.size()) return {used, 0, {}};
      between_ = false;
      inflateReset(&stream_);
    }
    stream_.next_in = packed.data() + used;
    stream_.avail_in = static_cast<uInt>(packed.size() - used);
    stream_.next_out = room.data();
    stream_.avail_out = static_cast<uInt>(room.size());
    const int outcome = inflate(&stream_, Z_NO_FLUSH);
    Step step = {packed.size() - stream_.avail_in, room.size() - stream_.avail_out, {}};
    if (outcome == Z_STREAM_END) {
      between_ = true;
      ++members_;
    } else if (outcome != Z_OK && outcome != Z_BUF_ERROR) {
      step.damage = reason();
    }
    return step;
  }

  bool complete() const override { return between_; }

 private:
  static std::size_t padding(std::span<const std::uint8_t> packed) {
    const auto end = std::find_if(packed.begin(), packed.end(), [](std::uint8_t byte) { return byte != 0; });
    return static_cast<std::size_t>(end - packed.begin());
  }
  std::string reason() const {
    if (members_ > 0 && stream_.total_out == 0) return "something that is not gzip follows the gzip data";
    return fmt::format("the gzip data is damaged ({})",
                       stream_.msg != nullptr ? stream_.msg : "unknown reason");
  }

  z_stream stream_ = {};
  std::uint64_t members_ = 0;
  bool usable_ = false;
  bool between_ = false;
};

class ZstdUnpacker : public Unpacker {
 public:
  Step unpack(std::span<const std::uint8_t> packed, std::span<std::uint8_t> room) override {
    if (!stream_) return {0, 0, "no memory to unpack it"};
    if (packed.empty() && complete_) return {};
    // No more than it asks for, which is a block: of a call that meets damage, libzstd gives nothing.
    ZSTD_inBuffer in = {packed.data(), std::min(packed.size(), wanted_), 0};
    ZSTD_outBuffer out = {room.data(), room.size(), 0};
    const std::size_t outcome = ZSTD_decompressStream(stream_.get(), &out, &in);
    if (ZSTD_isError(outcome) != 0)
      return {in.pos, out.pos, fmt::format("the zstd data is damaged ({})", ZSTD_getErrorName(outcome))};
    complete_ = outcome == 0;
    wanted_ = complete_ ? frame_header : outcome;
    return {in.pos, out.pos, {}};
  }

  bool complete() const override { return complete_; }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_{ZSTD_createDStream()};
  static constexpr std::size_t frame_header = 5;  // the least that tells how long the header is
  std::size_t wanted_ = frame_header;
  bool complete_ = false;
};

class Bzip2Unpacker : public Unpacker {
 public:
  Bzip2Unpacker() { usable_ = begin(); }
  ~Bzip2Unpacker() override { BZ2_bzDecompressEnd(&stream_); }
  Bzip2Unpacker(const Bzip2Unpacker&) = delete;
  Bzip2Unpacker& operator=(const Bzip2Unpacker&) = delete;

  Step unpack(std::span<const std::uint8_t> packed, std::span<std::uint8_t> room) override {
    if (!usable_) return {0, 0, "no memory to unpack it"};
    if (between_) {
      if (packed.empty()) return {};
      between_ = false;
      BZ2_bzDecompressEnd(&stream_);
      usable_ = begin();
      if (!usable_) return {0, 0, "no memory to unpack it"};
    }
    // libbz2 does not write to its input, though it does not say so.
    stream_.next_in = const_cast<char*>(reinterpret_cast<const char*>(packed.data()));
    stream_.avail_in = static_cast<unsigned>(packed.size());
    stream_.next_out = reinterpret_cast<char*>(room.data());
    stream_.avail_out = static_cast<unsigned>(room.size());
    const int outcome = BZ2_bzDecompress(&stream_);
    Step step = {packed.size() - stream_.avail_in, room.size() - stream_.avail_out, {}};
    if (outcome == BZ_STREAM_END) {
      between_ = true;
      ++streams_;
    } else if (outcome != BZ_OK) {
      step.damage = reason(outcome);
    }
    return step;
  }

  bool complete() const override { return between_; }

 private:
  bool begin() {
    stream_ = {};
    return BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
  }
  std::string reason(int outcome) const {
    if (outcome == BZ_DATA_ERROR_MAGIC && streams_ > 0)
      return "something that is not bzip2 follows the bzip2 data";
    return fmt::format("the bzip2 data is damaged ({})",
                       outcome == BZ_MEM_ERROR ? "no memory" : "its checksum or its structure is wrong");
  }

  bz_stream stream_ = {};
  std::uint64_t streams_ = 0;
  bool usable_ = false;
  bool between_ = false;
};

struct Kind {
  std::string_view magic;
  std::string_view program;  // that unpacks it
};
constexpr std::array<Kind, 3> other_kinds = {{{std::string_view("\xfd"
                                                                "7zXZ",
                                                                5),
                                               "xz"},
                                              {"\x04\x22\x4d\x18", "lz4"},
                                              {"PK\x03\x04", "unzip -p"}}};

}  // namespace

Result<std::unique_ptr<Unpacker>> Unpacker::choose(std::span<const std::uint8_t> head,
                                                   const std::string& path) {
  std::string start;
  for (const std::uint8_t byte : head.first(std::min<std::size_t>(head.size(), 8)))
    start.push_back(static_cast<char>(byte));
  if (start.starts_with("\x1f\x8b")) return std::make_unique<GzipUnpacker>();
  // A zstd frame, or a skippable one before it.
  if (start.starts_with("\x28\xb5\x2f\xfd") ||
      (start.size() >= 4 && (start[0] & 0xf0) == 0x50 && start.substr(1, 3) == "\x2a\x4d\x18"))
    return std::make_unique<ZstdUnpacker>();
  if (start.size() >= 4 && start.starts_with("BZh") && start[3] >= '1' && start[3] <= '9')
    return std::make_unique<Bzip2Unpacker>();
  for (const Kind& kind : other_kinds) {
    if (!start.starts_with(kind.magic)) continue;
    const std::string_view decompress = kind.program.starts_with("unzip") ? "" : " -dc";
    return error("{} is packed in a way that is not read here; unpack it first: {}{}", path, kind.program,
                 decompress);
  }
  return nullptr;
}

}  // namespace spiderling
