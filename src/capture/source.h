// Where packets come from: a trace file, standard input, an interface. A source gives one stream a shard.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "capture/frame.h"

namespace spiderling {

struct SourceOptions {
  std::size_t shards = 1;              ///< streams wanted
  std::string filter;                  ///< libpcap expression; empty: everything
  std::uint32_t snap_length = 262144;  ///< bytes kept of a packet, also of one from a file
  bool promiscuous = true;             ///< live only
  std::uint64_t max_frames = 0;        ///< stop after so many (over all streams); 0: no limit
  std::size_t ring_bytes = 64u << 20;  ///< live only: kernel ring, over all streams
};

/// Counters of a source; monotone, may be read at any time from any thread.
struct SourceCounters {
  std::uint64_t frames = 0;    ///< given out, each frame once however many streams saw it
  std::uint64_t filtered = 0;  ///< not given out: the filter did not match (files; the kernel does not say)
  std::uint64_t kernel_dropped = 0;  ///< live: the ring was full
  std::uint64_t malformed = 0;       ///< records of a file that could not be read as a packet, skipped
  std::uint64_t unknown_link = 0;    ///< frames skipped since their link type is not known
};

enum class StreamState : std::uint8_t {
  frames,  ///< at least one frame
  idle,    ///< nothing came in time (or a filter let nothing through for some while), more may come
  ended,   ///< no more, ever
};

/// One shard's view of a source. Used by one thread at a time.
class FrameStream {
 public:
  virtual ~FrameStream() = default;

  struct Batch {
    StreamState state = StreamState::ended;
    std::size_t count = 0;  ///< of `room` filled
  };
  /// Fills `room` from the front; what it gave before is gone. Waits at most `wait` where frames come in real
  /// time (pipes too; files never wait). Never throws; a file that turns out damaged ends, with a warning in
  /// Source::warnings().
  virtual Batch next(std::span<Frame> room, std::chrono::milliseconds wait) = 0;
};

/// How far a trace has been read, for a progress line. total 0: not known.
struct SourceProgress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

/// Opened once, read by its streams, closed by its destructor, which must outlive no stream's thread.
class Source {
 public:
  /// `name`: a path, "-" for standard input, an interface, "all" for every interface; or a URI that says
  /// which: file:PATH (also pcapfile:, pcapng:), live:IFACE (also int:, ring:). A plain name is a file if one
  /// of that name exists, else an interface. Files: pcap, pcapng, each also as .gz or .zst (told by content,
  /// not by name).
  static Result<std::unique_ptr<Source>> open(const std::string& name, const SourceOptions& options);

  virtual ~Source() = default;

  /// options.shards of them. A trace's streams go forward together, a few MiB apart at most: each needs a
  /// thread that reads it until it ends, or stop().
  virtual FrameStream& stream(std::size_t shard) = 0;
  /// True (traces): every stream gives every frame, and each shard takes those of its own flows. False
  /// (live): each frame is given by one stream, the kernel has spread the flows.
  virtual bool every_stream_sees_all() const = 0;
  virtual bool live() const = 0;
  virtual SourceCounters counters() const = 0;
  virtual SourceProgress progress() const = 0;
  /// What a user should know though the run goes on or ended well: a trace cut in the middle, say. One line
  /// each.
  virtual std::vector<std::string> warnings() const = 0;
  /// Makes every stream end soon: a trace's at once, a live one when what was captured before is given. Safe
  /// from any thread, but not from a signal handler.
  virtual void stop() = 0;
};

}  // namespace spiderling
