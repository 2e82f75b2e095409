#include "kitchen/dumpling_lines.h"

#include "base/json_text.h"
#include "dumplings/flow_record_json.h"
#include "kitchen/payload_json.h"

namespace spiderling {

namespace {

constexpr std::size_t full_block = 64u << 10;
constexpr std::size_t longest_time = 48;
constexpr const char* too_large = "a dumpling longer than a hub takes";

}  // namespace

DumplingLabel::DumplingLabel(std::string_view chef, std::string_view kitchen, Driver driver) {
  before_time_ = R"({"metadata":{"chef":)";
  append_json_string(before_time_, chef);
  before_time_ += R"(,"kitchen":)";
  append_json_string(before_time_, kitchen);
  before_time_ += R"(,"creation_time":)";
  after_time_ =
      driver == Driver::packet ? R"(,"driver":"packet"},"payload":)" : R"(,"driver":"interval"},"payload":)";
}

DumplingLines::DumplingLines(DumplingSink& sink, std::size_t max_bytes) : sink_(sink), max_bytes_(max_bytes) {
  lines_.reserve(2 * full_block);
}

const char* DumplingLines::add(const DumplingLabel& label, Timestamp creation_time, const Payload& payload) {
  if (payload.is_null()) return nullptr;
  const std::size_t start = lines_.size();
  open(label, creation_time);
  if (const char* problem = append_payload(lines_, payload)) {
    lines_.resize(start);
    ++counters_.unwritable;
    return problem;
  }
  return close(start);
}

void DumplingLines::add_json(const DumplingLabel& label, Timestamp creation_time, std::string_view payload) {
  const std::size_t start = lines_.size();
  open(label, creation_time);
  lines_ += payload;
  close(start);
}

void DumplingLines::open(const DumplingLabel& label, Timestamp creation_time) {
  lines_ += label.before_time_;
  char time[longest_time];
  lines_.append(time, write_seconds(creation_time, time));
  lines_ += label.after_time_;
}

const char* DumplingLines::close(std::size_t start) {
  lines_ += '}';
  if (lines_.size() - start > max_bytes_) {
    lines_.resize(start);
    ++counters_.too_large;
    return too_large;
  }
  lines_ += '\n';
  ++count_;
  ++counters_.made;
  if (lines_.size() >= full_block) flush();
  return nullptr;
}

void DumplingLines::flush() {
  if (count_ == 0) return;
  if (wanted_) wanted_ = sink_.put(lines_, count_);
  lines_.clear();
  count_ = 0;
}

}  // namespace spiderling
