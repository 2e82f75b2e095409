// Chains: flow analyses. A chain is a struct of per-flow state, the fields it reports, and the hooks it
// needs.
//
//     #include <spiderling/chain.h>
//     using namespace spiderling;
//
//     struct Ttl {
//       static constexpr const char* name = "ttl";
//       static constexpr const char* description = "Time to live of the first packet each way";
//       struct State {
//         PerDirection<Maybe<std::uint8_t>> ttl;
//       };
//       static void fields(FieldList& list, const State& s) {
//         list.add("ttl_fwd", s.ttl.fwd, "of the first forward packet; null if there was none");
//         list.add("ttl_rev", s.ttl.rev, "of the first reverse packet; null if there was none");
//       }
//       static void ip4(State& s, const Ipv4Header& ip, const FlowPacket& p) {
//         s.ttl[p.direction].first(ip.ttl());
//       }
//     };
//     SPIDERLING_CHAIN(Ttl)
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "spiderling/packet.h"
#include "spiderling/plugin.h"

namespace spiderling {

/// The direction of a flow's first packet is forward.
enum class Direction : std::uint8_t { forward = 0, reverse = 1 };

/// One value a direction.
template <class T>
struct PerDirection {
  T fwd{};
  T rev{};
  T& operator[](Direction direction) { return direction == Direction::forward ? fwd : rev; }
  const T& operator[](Direction direction) const { return direction == Direction::forward ? fwd : rev; }
};

/// A value that may not have been seen yet; null in the record until then. Unlike std::optional its layout is
/// fixed, so that records can be written without a call a field.
template <class T>
struct Maybe {
  T value{};
  bool seen = false;

  Maybe& operator=(T new_value) {
    value = new_value;
    seen = true;
    return *this;
  }
  /// Keeps the first value that it is given.
  void first(T new_value) {
    if (!seen) *this = new_value;
  }
  explicit operator bool() const { return seen; }
};

/// What a hook says about its flow.
enum class Verdict : std::uint8_t {
  go_on,
  complete,  ///< the flow has ended: it collects packets for the expiry timeout, then is emitted
  ignore,    ///< from new_flow only: no record for this flow
};

/// A packet in its flow.
struct FlowPacket {
  const Packet& packet;
  Direction direction;
  bool forward() const { return direction == Direction::forward; }
  bool reverse() const { return direction == Direction::reverse; }
  const Packet* operator->() const { return &packet; }
};

/// An ICMP error and what it quotes.
struct IcmpMessage {
  IcmpHeader header;
  /// The packet it is about; nullptr if it is no error, or quotes too little to tell.
  const Packet* quotation;
};

/// How a field stands in the state of its chain. `any`: not at all, a ForeignChain says it.
enum class FieldType : std::uint8_t { boolean, u8, u16, u32, u64, i64, f64, address, any };

/// One field of a flow record.
struct Field {
  const char* name;
  const char* meaning;
  FieldType type;
  bool nullable;              ///< a Maybe<>; an address without a version is null too
  std::uint32_t offset;       ///< of the value, from the start of the state
  std::uint32_t seen_offset;  ///< of Maybe::seen, if nullable and no address
};

/// The type of a field whose value is a T.
template <class T>
constexpr FieldType field_type_of() {
  if constexpr (std::is_same_v<T, bool>)
    return FieldType::boolean;
  else if constexpr (std::is_same_v<T, std::uint8_t>)
    return FieldType::u8;
  else if constexpr (std::is_same_v<T, std::uint16_t>)
    return FieldType::u16;
  else if constexpr (std::is_same_v<T, std::uint32_t>)
    return FieldType::u32;
  else if constexpr (std::is_same_v<T, std::uint64_t>)
    return FieldType::u64;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return FieldType::i64;
  else if constexpr (std::is_same_v<T, double>)
    return FieldType::f64;
  else if constexpr (std::is_same_v<T, IpAddress>)
    return FieldType::address;
  else
    static_assert(!sizeof(T),
                  "a field is a bool, std::uint8_t .. std::uint64_t, std::int64_t, double, IpAddress, or a "
                  "Maybe of one");
}

/// Collects a chain's fields; FieldList::add is given members of the state that fields() was given.
class FieldList {
 public:
  FieldList(const void* state, std::size_t state_size)
      : base_(static_cast<const std::uint8_t*>(state)), size_(state_size) {}

  /// `name` and `meaning` are string literals: they are kept, not copied.
  template <class T>
  void add(const char* name, const T& member, const char* meaning) {
    fields_.push_back(
        {name, meaning, field_type_of<T>(), std::is_same_v<T, IpAddress>, offset_of(&member), 0});
  }
  template <class T>
  void add(const char* name, const Maybe<T>& member, const char* meaning) {
    fields_.push_back(
        {name, meaning, field_type_of<T>(), true, offset_of(&member.value), offset_of(&member.seen)});
  }
  const std::vector<Field>& fields() const { return fields_; }
  /// False if a member did not lie in the state.
  bool in_state() const { return in_state_; }

 private:
  std::uint32_t offset_of(const void* member) {
    const auto offset = static_cast<std::size_t>(static_cast<const std::uint8_t*>(member) - base_);
    if (offset >= size_) in_state_ = false;
    return static_cast<std::uint32_t>(offset);
  }
  const std::uint8_t* base_;
  std::size_t size_;
  std::vector<Field> fields_;
  bool in_state_ = true;
};

struct ChainDescription;

/// A chain, and where its state lies among those of a flow.
struct PlacedChain {
  const ChainDescription* chain;
  std::uint32_t state_offset;
};

/// What stands behind a chain that no struct describes, since it is written in another language. Its states
/// refer to what is not in them, so it is told when they come and go. Chains that a struct describes have
/// none, and pay nothing for those that do.
///
/// Thread-safety: any observer's thread may call; between begin_batch() and end_batch() are the hooks, the
/// let_go() and the append_members() of one.
class ForeignChain {
 public:
  virtual ~ForeignChain() = default;
  /// Makes the state of a flow that is about to begin: it is copied into each, byte for byte. `chains`: all
  /// of the set, this one at `own`. What is returned is held as long as the set.
  virtual std::shared_ptr<const void> place(void* state, std::span<const PlacedChain> chains,
                                            std::size_t own) const = 0;
  virtual void begin_batch() const = 0;
  virtual void end_batch() const noexcept = 0;
  /// The state of a flow that ends has been copied, and the copy is kept until it is let go too. Also outside
  /// batches, in any thread, as let_go() and append_members() of such copies.
  virtual void keep(const void* state) const = 0;
  virtual void let_go(void* state) const noexcept = 0;
  /// Appends `,"name":value` for each field, and for others that have come about.
  virtual void append_members(const void* state, std::string& json) const = 0;
};

/// A chain as the engine sees it: made by describe_chain() from the struct that a user writes. A hook that
/// the struct lacks is nullptr and is never called.
struct ChainDescription {
  const char* name;
  const char* description;
  std::uint32_t state_size;
  std::uint32_t state_align;
  void (*construct)(void* state);
  std::vector<Field> fields;
  bool fields_in_state;

  Verdict (*new_flow)(void* state, const FlowPacket&) = nullptr;
  Verdict (*ip4)(void* state, const Ipv4Header&, const FlowPacket&) = nullptr;
  Verdict (*ip6)(void* state, const Ipv6Header&, const FlowPacket&) = nullptr;
  Verdict (*icmp4)(void* state, const IcmpMessage&, const FlowPacket&) = nullptr;
  Verdict (*icmp6)(void* state, const IcmpMessage&, const FlowPacket&) = nullptr;
  Verdict (*tcp)(void* state, const TcpHeader&, const FlowPacket&) = nullptr;
  Verdict (*udp)(void* state, const UdpHeader&, const FlowPacket&) = nullptr;
  Verdict (*l4)(void* state, const Transport&, const FlowPacket&) = nullptr;

  /// nullptr for a chain that a struct describes. Instead of construct().
  std::shared_ptr<const ForeignChain> foreign = nullptr;
};

namespace detail {

// Hooks return void (go on) or a Verdict.
template <class Call>
Verdict verdict_of(Call&& call) {
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    return Verdict::go_on;
  } else {
    return call();
  }
}

#define SPIDERLING_DETAIL_HOOK(hook, Header)                                                       \
  if constexpr (requires(State & s, const Header& h, const FlowPacket& p) { C::hook(s, h, p); }) { \
    d.hook = [](void* state, const Header& header, const FlowPacket& packet) {                     \
      return verdict_of([&] { return C::hook(*static_cast<State*>(state), header, packet); });     \
    };                                                                                             \
  } else {                                                                                         \
    static_assert(                                                                                 \
        !requires { &C::hook; }, "this chain's hook " #hook " has the wrong parameters");          \
  }

}  // namespace detail

/// What a chain's struct must have; hooks are optional, each `static void` or `static Verdict`:
///
///     new_flow(State&, const FlowPacket&)
///     ip4(State&, const Ipv4Header&, const FlowPacket&)
///     ip6(State&, const Ipv6Header&, const FlowPacket&)
///     icmp4(State&, const IcmpMessage&, const FlowPacket&), and icmp6 likewise
///     tcp(State&, const TcpHeader&, const FlowPacket&)
///     udp(State&, const UdpHeader&, const FlowPacket&)
///     l4(State&, const Transport&, const FlowPacket&), for other transports than TCP, UDP and ICMP
///
/// For each packet: ip4 or ip6, then icmp4 or icmp6, then tcp, udp or l4. All hooks of a flow run in one
/// thread. A hook that throws harms no other chain: it is counted, and the flow's record names its chain in
/// `failed_chains`; after many failures in a row (observe --max-failures) none of the chain's hooks is called
/// any more. A hook that takes longer than a second is named in the log.
template <class C>
concept Chain = requires(FieldList& list, const typename C::State& state) {
  { C::name } -> std::convertible_to<const char*>;
  { C::description } -> std::convertible_to<const char*>;
  C::fields(list, state);
}
&&std::is_trivially_copyable_v<typename C::State>&& std::is_default_constructible_v<typename C::State>;

/// `Anchor`: a type of the file that registers the chain, see SPIDERLING_PLUGIN.
template <Chain C, class Anchor = void>
const ChainDescription& describe_chain() {
  static const ChainDescription description = [] {
    using State = typename C::State;
    static_assert(alignof(State) <= 16,
                  "a flow's block is aligned to 16 bytes, so a state cannot ask for more");
    using namespace detail;
    const State blank{};
    FieldList list(&blank, sizeof blank);
    C::fields(list, blank);
    ChainDescription d{};
    d.name = C::name;
    d.description = C::description;
    d.state_size = sizeof(State);
    d.state_align = alignof(State);
    d.construct = [](void* place) { new (place) State{}; };
    d.fields = list.fields();
    d.fields_in_state = list.in_state();
    if constexpr (requires(State & s, const FlowPacket& p) { C::new_flow(s, p); }) {
      d.new_flow = [](void* s, const FlowPacket& packet) {
        return verdict_of([&] { return C::new_flow(*static_cast<State*>(s), packet); });
      };
    } else {
      static_assert(
          !requires { &C::new_flow; }, "this chain's hook new_flow has the wrong parameters");
    }
    SPIDERLING_DETAIL_HOOK(ip4, Ipv4Header)
    SPIDERLING_DETAIL_HOOK(ip6, Ipv6Header)
    SPIDERLING_DETAIL_HOOK(icmp4, IcmpMessage)
    SPIDERLING_DETAIL_HOOK(icmp6, IcmpMessage)
    SPIDERLING_DETAIL_HOOK(tcp, TcpHeader)
    SPIDERLING_DETAIL_HOOK(udp, UdpHeader)
    SPIDERLING_DETAIL_HOOK(l4, Transport)
    return d;
  }();
  return description;
}

#undef SPIDERLING_DETAIL_HOOK

}  // namespace spiderling

/// Registers a chain. At namespace scope, one a line; the chain needs no header of its own.
#define SPIDERLING_CHAIN(ChainStruct)                                   \
  SPIDERLING_PLUGIN(::spiderling::PluginKind::chain, ChainStruct::name, \
                    ::spiderling::detail::version_of<ChainStruct>(),    \
                    (::spiderling::describe_chain<ChainStruct, Anchor>()))
