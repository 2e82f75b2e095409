#include "campaign/journal_format.h"

#include <zlib.h>

#include <algorithm>
#include <optional>

namespace spiderling {

namespace {

constexpr std::string_view magic = "spiderling run journal 1\n";
constexpr std::size_t frame_size = 8;  // length and CRC
constexpr std::size_t most_options = 10'000;

enum Kind : char { kind_run = 'r', kind_progress = 'p', kind_end = 'e' };

std::uint32_t crc_of(std::span<const std::uint8_t> bytes) {
  return static_cast<std::uint32_t>(crc32_z(crc32_z(0, nullptr, 0), bytes.data(), bytes.size()));
}

// --- writing ---

void put_fixed(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> 8 * i & 0xff);
}
void put_number(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(0x80 | (value & 0x7f));
  out += static_cast<char>(value);
}
void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

// Sorted lines as stretches: how far from the end of the last one (times two, odd if longer than one line),
// and how many more.
void put_lines(std::string& out, std::vector<std::uint64_t>& lines) {
  std::ranges::sort(lines);
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  std::string stretches;
  std::uint64_t count = 0, last = 0;
  for (std::size_t i = 0; i < lines.size(); ++count) {
    std::size_t end = i + 1;
    while (end < lines.size() && lines[end] == lines[end - 1] + 1) ++end;
    const std::uint64_t more = end - i - 1;
    put_number(stretches, (lines[i] - last) << 1 | (more > 0 ? 1 : 0));
    if (more > 0) put_number(stretches, more);
    last = lines[end - 1];
    i = end;
  }
  put_number(out, count);
  out += stretches;
}

// --- reading ---

// Takes from the front; once something is missing it gives nothing more.
class Cursor {
 public:
  explicit Cursor(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint64_t fixed(std::size_t size) {
    std::uint64_t value = 0;
    const auto taken = take(size);
    for (std::size_t i = 0; i < taken.size(); ++i) value |= std::uint64_t{taken[i]} << 8 * i;
    return value;
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
      const auto byte = take(1);
      if (byte.empty()) return 0;
      value |= std::uint64_t{byte[0] & 0x7fu} << shift;
      if ((byte[0] & 0x80) == 0) return value;
    }
    good_ = false;
    return 0;
  }
  std::string text() {
    const auto taken = take(number());
    return {taken.begin(), taken.end()};
  }
  std::span<const std::uint8_t> take(std::uint64_t size) {
    if (!good_ || size > bytes_.size()) {
      good_ = false;
      return {};
    }
    const auto taken = bytes_.first(static_cast<std::size_t>(size));
    bytes_ = bytes_.subspan(static_cast<std::size_t>(size));
    return taken;
  }
  std::size_t left() const { return bytes_.size(); }
  bool good() const { return good_; }
  bool at_end() const { return good_ && bytes_.empty(); }

 private:
  std::span<const std::uint8_t> bytes_;
  bool good_ = true;
};

// A record that is whole: its kind and body. Nothing: what follows was not written whole.
struct Record {
  std::uint8_t kind;
  std::span<const std::uint8_t> body;
};
std::optional<Record> next_record(Cursor& cursor) {
  const std::uint64_t length = cursor.fixed(4);
  const auto crc = static_cast<std::uint32_t>(cursor.fixed(4));
  const auto checked = cursor.take(length);
  if (!cursor.good() || checked.empty() || crc_of(checked) != crc) return std::nullopt;
  return Record{checked[0], checked.subspan(1)};
}

bool read_run(std::span<const std::uint8_t> body, RunIdentity& run) {
  Cursor cursor(body);
  run.measurement = cursor.text();
  run.version = cursor.text();
  const std::uint64_t options = cursor.number();
  if (options > most_options) return false;
  for (std::uint64_t i = 0; i < options && cursor.good(); ++i) {
    std::string name = cursor.text();
    run.options.emplace_back(std::move(name), cursor.text());
  }
  return cursor.at_end();
}

// Lines must go up, none can be finished twice, nor more than were read.
bool read_lines(Cursor& cursor, std::size_t read, LineSet& finished) {
  const std::uint64_t stretches = cursor.number();
  std::uint64_t last = 0;
  for (std::uint64_t i = 0; i < stretches && cursor.good(); ++i) {
    const std::uint64_t word = cursor.number();
    const std::uint64_t more = (word & 1) != 0 ? cursor.number() : 0;
    const std::uint64_t gap = word >> 1;
    if (!cursor.good() || gap > LineSet::last_line || more >= read - finished.size()) return false;
    for (std::uint64_t line = last + gap; line <= last + gap + more; ++line)
      if (!finished.add(line)) return false;
    last += gap + more;
  }
  return cursor.good();
}

bool read_progress(std::span<const std::uint8_t> body, JournalState& state) {
  Cursor cursor(body);
  const std::uint64_t length = cursor.number();
  state.output_tail = static_cast<std::uint32_t>(cursor.fixed(4));
  const std::uint64_t digests = cursor.number();
  if (!cursor.good() || length < state.output_length || digests > cursor.left() / 2) return false;
  state.output_length = length;
  for (std::uint64_t i = 0; i < digests; ++i)
    state.digests.push_back(static_cast<std::uint16_t>(cursor.fixed(2)));
  return read_lines(cursor, state.digests.size(), state.finished) && cursor.at_end();
}

bool read_record(const Record& record, bool is_first, JournalState& state) {
  if ((record.kind == kind_run) != is_first || state.ended) return false;
  switch (static_cast<char>(record.kind)) {
    case kind_run: return read_run(record.body, state.run);
    case kind_progress: return read_progress(record.body, state);
    case kind_end: return state.ended = record.body.empty();
    default: return false;
  }
}

bool begins_with_magic(std::span<const std::uint8_t> bytes) {
  const auto size = std::min(bytes.size(), magic.size());
  return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size), magic.begin());
}

std::string shown(const std::string& value) { return value.empty() ? "not given" : value; }

const std::string* find(const RunIdentity& run, const std::string& option) {
  const auto at = std::ranges::find(run.options, option, [](const auto& one) { return one.first; });
  return at == run.options.end() ? nullptr : &at->second;
}

}  // namespace

std::string journal_record(char kind, std::string_view body) {
  std::string checked(1, kind);
  checked += body;
  std::string record;
  put_fixed(record, checked.size(), 4);
  put_fixed(record, crc_of({reinterpret_cast<const std::uint8_t*>(checked.data()), checked.size()}), 4);
  return record + checked;
}

std::string journal_beginning(const RunIdentity& run) {
  std::string body;
  put_text(body, run.measurement);
  put_text(body, run.version);
  put_number(body, run.options.size());
  for (const auto& [name, value] : run.options) {
    put_text(body, name);
    put_text(body, value);
  }
  return std::string(magic) + journal_record(kind_run, body);
}

std::string journal_record(RunProgress& progress) {
  std::string body;
  put_number(body, progress.output_length);
  put_fixed(body, progress.output_tail, 4);
  put_number(body, progress.digests.size());
  for (const std::uint16_t digest : progress.digests) put_fixed(body, digest, 2);
  put_lines(body, progress.lines);
  return journal_record(kind_progress, body);
}

std::string journal_end() { return journal_record(kind_end, {}); }

Result<JournalState> read_journal(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < magic.size() || !begins_with_magic(bytes)) return error("it is no journal of a run");
  JournalState state;
  state.valid_length = magic.size();
  Cursor cursor(bytes.subspan(magic.size()));
  for (bool is_first = true; const auto record = next_record(cursor); is_first = false) {
    // Its CRC is right, so this is what was written: by another program than this one.
    if (!read_record(*record, is_first, state)) return error("what it says makes no sense");
    state.valid_length += frame_size + 1 + record->body.size();
  }
  if (state.valid_length == magic.size()) return error("not even its beginning was written");
  return state;
}

bool is_unbegun_journal(std::span<const std::uint8_t> bytes) {
  // After a power cut there may be room for what was to be written, with nothing in it.
  if (std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; })) return true;
  if (!begins_with_magic(bytes)) return false;
  const auto behind = bytes.subspan(std::min(bytes.size(), magic.size()));
  Cursor cursor(behind);
  const std::uint64_t length = cursor.fixed(4);
  if (cursor.good() && behind.size() > frame_size + length) return false;  // written whole, and damaged since
  Cursor again(behind);
  return !next_record(again);
}

std::string difference(const RunIdentity& then, const RunIdentity& now) {
  if (then.measurement != now.measurement)
    return fmt::format("it measured {}, not {}", then.measurement, now.measurement);
  if (then.version != now.version)
    return fmt::format("it was begun by {} {}, this is {}", then.measurement, then.version, now.version);
  std::string text;
  const auto tell = [&](const std::string& name, const std::string* before, const std::string* after) {
    text += fmt::format("{}{} was {}, is {}", text.empty() ? "" : "; ", name, shown(before ? *before : ""),
                        shown(after ? *after : ""));
  };
  for (const auto& [name, value] : then.options) {
    const std::string* other = find(now, name);
    if (other == nullptr || *other != value) tell(name, &value, other);
  }
  for (const auto& [name, value] : now.options)
    if (find(then, name) == nullptr) tell(name, nullptr, &value);
  return text;
}

}  // namespace spiderling
