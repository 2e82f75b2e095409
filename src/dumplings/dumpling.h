// A dumpling as it travels: JSON text that somebody else wrote.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace spiderling {

/// A dumpling that was found to be one. Everything but the numbers is a view, of the text that was read or of
/// the reader's own memory: valid until the reader's next call, and as long as the text.
struct DumplingView {
  std::string_view chef;
  std::optional<std::string_view> kitchen;  ///< none: null, as in the hub's own dumplings
  std::string_view driver;                  ///< "packet" or "interval"
  double creation_time = 0;                 ///< seconds since the epoch
  std::string_view payload;                 ///< its JSON as it was written, never `null`

  bool from_interval() const { return driver == "interval"; }
};

/// Reads dumplings: the one place that decides what is a dumpling. A dumpling is a JSON object (RFC 8259,
/// UTF-8, no more than max_depth deep) with
///   metadata: {"chef": text, "kitchen": text or null, "driver": "packet" or "interval", "creation_time":
///   number} payload:  anything but null
/// and whatever other keys. Of a key that comes twice the last counts, as in Python and JavaScript. The whole
/// text is checked, the payload too, so that what passes parses in any eater; numbers of any size and
/// precision are valid JSON and are left as they are, and so are escaped surrogates without a partner (Python
/// writes them).
///
/// Keeps its memory from one call to the next: one reader a thread.
///
///     DumplingReader reader;
///     if (const auto dumpling = reader.read(text)) use(dumpling->chef, dumpling->payload);
class DumplingReader {
 public:
  static constexpr unsigned max_depth = 256;
  /// Bytes that read_padded() may look at behind the text.
  static constexpr std::size_t padding = 64;

  DumplingReader();
  ~DumplingReader();
  DumplingReader(DumplingReader&&) noexcept;
  DumplingReader& operator=(DumplingReader&&) noexcept;

  /// Copies the text, to have readable bytes behind it. The error says in one line what is wrong with the
  /// dumpling.
  Result<DumplingView> read(std::string_view text);
  /// As read(), without the copy: `padding` readable bytes, whatever they hold, follow the text.
  Result<DumplingView> read_padded(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spiderling
