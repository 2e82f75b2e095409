// Merged flows: what a worker and the observer say about one connection, for a measurement's combine().
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "spiderling/chain.h"
#include "spiderling/connection.h"

namespace spiderling {

/// A field of the flow record, by its name, for combine(). A member of a measurement; whether a chain of the
/// measurement has such a field, of that type, is checked before the run starts. T: bool, std::uint64_t (any
/// unsigned field), std::int64_t, double, IpAddress.
class FlowFieldBase;
/// Those of one measurement, in the order of their declaration.
using FlowFields = std::vector<FlowFieldBase*>;

class FlowFieldBase {
 public:
  FlowFieldBase(FlowFields& fields, const char* name, FieldType wanted) : name_(name), wanted_(wanted) {
    fields.push_back(this);
  }
  FlowFieldBase(const FlowFieldBase&) = delete;
  FlowFieldBase& operator=(const FlowFieldBase&) = delete;

  const char* name() const { return name_; }
  FieldType wanted() const { return wanted_; }
  /// For the engine: where the value stands in the states of a flow.
  void bind(const Field& field, std::uint32_t state_offset) {
    type_ = field.type;
    nullable_ = field.nullable;
    offset_ = state_offset + field.offset;
    seen_offset_ = state_offset + field.seen_offset;
  }

 protected:
  // states is nullptr when the flow was not observed.
  bool seen_in(const std::uint8_t* states) const {
    if (states == nullptr) return false;
    return !nullable_ || type_ == FieldType::address || states[seen_offset_] != 0;
  }
  std::uint64_t unsigned_in(const std::uint8_t* states) const {
    const std::uint8_t* at = value_in(states);
    switch (type_) {
      case FieldType::u8: return *at;
      case FieldType::u16: return read<std::uint16_t>(at);
      case FieldType::u32: return read<std::uint32_t>(at);
      default: return read<std::uint64_t>(at);
    }
  }
  template <class T>
  static T read(const std::uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  const std::uint8_t* value_in(const std::uint8_t* states) const { return states + offset_; }

 private:
  const char* name_;
  FieldType wanted_;
  FieldType type_{};
  bool nullable_ = false;
  std::uint32_t offset_ = 0;
  std::uint32_t seen_offset_ = 0;
};

template <class T>
class FlowField : public FlowFieldBase {
 public:
  static_assert(std::is_same_v<T, bool> || std::is_same_v<T, std::uint64_t> ||
                    std::is_same_v<T, std::int64_t> || std::is_same_v<T, double> ||
                    std::is_same_v<T, IpAddress>,
                "a flow field is bool, std::uint64_t, std::int64_t, double or IpAddress");

  FlowField(FlowFields& fields, const char* name) : FlowFieldBase(fields, name, field_type_of<T>()) {}

  Maybe<T> in(const std::uint8_t* states) const {
    Maybe<T> result;
    if (!seen_in(states)) return result;
    if constexpr (std::is_same_v<T, std::uint64_t>) {
      result = unsigned_in(states);
    } else if constexpr (std::is_same_v<T, IpAddress>) {
      result = read<T>(value_in(states));
      result.seen = result.value.version != IpVersion::none;  // that is how an address is null
    } else {
      result = read<T>(value_in(states));
    }
    return result;
  }
};

/// What a worker and the observer say about one connection, joined. Borrowed: lives as long as combine()
/// runs.
///
///     void combine(const MergedFlows& flows, Conditions& conditions) const override {
///       if (!flows[0].trusted()) return conditions.not_observed();
///       if (const auto octets = flows[0][octets_]) conditions.add("example.octets", octets.value);
///     }
///     FlowField<std::uint64_t> octets_{flow_fields_, "oct_fwd"};
class MergedFlow {
 public:
  MergedFlow(const ConnectionRecord& connection, const std::uint8_t* states, bool lossy)
      : connection_(&connection), states_(states), lossy_(lossy) {}

  const ConnectionRecord& connection() const { return *connection_; }
  bool ok() const { return connection_->ok(); }
  /// The observer saw packets of it.
  bool observed() const { return states_ != nullptr; }
  /// The kernel dropped packets while it lasted: what was not seen may have been there.
  bool lossy() const { return lossy_; }
  /// Observed, and nothing of it can have been lost: what it says may be said of the path.
  bool trusted() const { return observed() && !lossy_; }
  /// Of the flow record; nothing seen, if the flow was not observed.
  template <class T>
  Maybe<T> operator[](const FlowField<T>& field) const {
    return field.in(states_);
  }
  /// True if it was seen, and was true.
  bool is(const FlowField<bool>& field) const {
    const Maybe<bool> value = field.in(states_);
    return value.seen && value.value;
  }
  /// For the engine.
  const std::uint8_t* states() const { return states_; }

 private:
  const ConnectionRecord* connection_;
  const std::uint8_t* states_;
  bool lossy_;
};

/// The merged flows of one job, in the order of its configurations, connections or packets.
using MergedFlows = std::span<const MergedFlow>;

}  // namespace spiderling
