#include "dumplings/flow_record_json.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "base/json_text.h"

namespace spiderling {

namespace {

constexpr std::size_t max_number_text = 26;

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

template <class T>
T load(const std::uint8_t* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

template <class T>
char* put_number(char* out, T value) {
  return std::to_chars(out, out + max_number_text, value).ptr;
}

// Small numbers, as most counters are, without a division.
char* put_unsigned(char* out, std::uint64_t value) {
  if (value < 10) {
    *out = static_cast<char>('0' + value);
    return out + 1;
  }
  return put_number(out, value);
}

char* put_double(char* out, double value) {
  if (!std::isfinite(value)) return put(out, "null");  // JSON has no other word for it
  return put_number(out, value);
}

char* put_address(char* out, const std::uint8_t* field) {
  const auto address = load<IpAddress>(field);
  if (address.version == IpVersion::none) return put(out, "null");
  *out++ = '"';
  out = format_address(address, out);
  *out++ = '"';
  return out;
}

}  // namespace

char* write_seconds(Timestamp time, char* out) {
  const std::int64_t ns = time.time_since_epoch().count();
  const auto magnitude =
      ns < 0 ? std::uint64_t{0} - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  if (ns < 0) *out++ = '-';
  constexpr std::uint64_t second = 1'000'000'000;
  out = put_number(out, magnitude / second);
  *out++ = '.';
  std::uint64_t fraction = magnitude % second;
  int digits = 9;
  if (fraction % 1000 == 0) {  // microseconds are usual
    fraction /= 1000;
    digits = 6;
  }
  while (digits > 1 && fraction % 10 == 0) {
    fraction /= 10;
    --digits;
  }
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + fraction % 10);
    fraction /= 10;
  }
  return out + digits;
}

FlowRecordJson::FlowRecordJson(const ChainSet& chains) {
  // pkt_first and pkt_last, braces and newline.
  max_record_bytes_ = 2 * (max_number_text + 16) + 8 + std::strlen(failed_chains_field) + 8;
  stretches_.push_back({});
  for (const auto& placed : chains.chains()) {
    append_json_string(chain_names_.emplace_back(), placed.chain->name);
    max_record_bytes_ += chain_names_.back().size() + 1;
    if (placed.chain->foreign != nullptr) {
      stretches_.back().foreign = placed;
      stretches_.push_back({steps_.size(), 0, {}});
      has_foreign_ = true;
      continue;
    }
    for (const Field& field : placed.chain->fields) {
      Step step{};
      const std::string label = fmt::format(",\"{}\":", field.name);
      step.label_length = static_cast<std::uint32_t>(label.size());
      step.long_label = label.size() > label_room;
      if (step.long_label) {
        step.long_label_number = static_cast<std::uint32_t>(long_labels_.size());
        long_labels_.push_back(label);
      } else {
        std::memcpy(step.label, label.data(), label.size());
      }
      step.offset = placed.state_offset + field.offset;
      step.seen_offset = placed.state_offset + field.seen_offset;
      step.type = field.type;
      step.nullable = field.nullable;
      steps_.push_back(step);
      ++stretches_.back().steps;
      max_record_bytes_ +=
          std::max(label.size(), label_room) + std::max(max_number_text, max_address_text + 2);
    }
  }
}

char* FlowRecordJson::write(const FlowRecord& record, char* out) const {
  *out++ = '{';
  out = write_members(record, out);
  return put(out, "}\n");
}

char* FlowRecordJson::write_members(const FlowRecord& record, char* out) const {
  out = put(out, "\"pkt_first\":");
  out = write_seconds(record.first, out);
  out = write_steps(steps_, record.states, out);
  out = put(out, ",\"pkt_last\":");
  out = write_seconds(record.last, out);
  return record.failed.any() ? write_failed(record.failed, out) : out;
}

char* FlowRecordJson::write_failed(FailedChains failed, char* out) const {
  *out++ = ',';
  *out++ = '"';
  out = put(out, failed_chains_field);
  out = put(out, "\":");
  char separator = '[';
  for (std::size_t chain = 0; chain < chain_names_.size(); ++chain) {
    if (!failed.has(chain)) continue;
    *out++ = separator;
    out = put(out, chain_names_[chain]);
    separator = ',';
  }
  *out++ = ']';
  return out;
}

char* FlowRecordJson::write_steps(std::span<const Step> steps, const std::uint8_t* states, char* out) const {
  for (const Step& step : steps) {
    if (step.long_label) [[unlikely]] {
      std::memcpy(out, long_labels_[step.long_label_number].data(), step.label_length);
    } else {
      std::memcpy(out, step.label, label_room);
    }
    out += step.label_length;
    const std::uint8_t* field = states + step.offset;
    if (step.nullable && step.type != FieldType::address && states[step.seen_offset] == 0) {
      out = put(out, "null");
      continue;
    }
    switch (step.type) {
      case FieldType::boolean: out = *field != 0 ? put(out, "true") : put(out, "false"); break;
      case FieldType::u8: out = put_unsigned(out, *field); break;
      case FieldType::u16: out = put_unsigned(out, load<std::uint16_t>(field)); break;
      case FieldType::u32: out = put_unsigned(out, load<std::uint32_t>(field)); break;
      case FieldType::u64: out = put_unsigned(out, load<std::uint64_t>(field)); break;
      case FieldType::i64: out = put_number(out, load<std::int64_t>(field)); break;
      case FieldType::f64: out = put_double(out, load<double>(field)); break;
      case FieldType::address: out = put_address(out, field); break;
      case FieldType::any: break;  // a foreign chain's, which has no steps
    }
  }
  return out;
}

void FlowRecordJson::append(const FlowRecord& record, std::string& text) const {
  text += '{';
  append_members(record, text);
  text += "}\n";
}

void FlowRecordJson::append_members(const FlowRecord& record, std::string& text) const {
  const auto append = [&](auto&& write) {
    const std::size_t before = text.size();
    text.resize(before + max_record_bytes_);
    const char* end = write(text.data() + before);
    text.resize(static_cast<std::size_t>(end - text.data()));
  };
  if (!has_foreign_) return append([&](char* out) { return write_members(record, out); });
  text += "\"pkt_first\":";
  append([&](char* out) { return write_seconds(record.first, out); });
  for (const Stretch& stretch : stretches_) {
    const auto steps = std::span(steps_).subspan(stretch.first_step, stretch.steps);
    append([&](char* out) { return write_steps(steps, record.states, out); });
    const PlacedChain& foreign = stretch.foreign;
    if (foreign.chain != nullptr)
      foreign.chain->foreign->append_members(record.states + foreign.state_offset, text);
  }
  text += ",\"pkt_last\":";
  append([&](char* out) { return write_seconds(record.last, out); });
  if (record.failed.any()) append([&](char* out) { return write_failed(record.failed, out); });
}

}  // namespace spiderling
