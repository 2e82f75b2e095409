// A chain whose hooks are Python functions.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "flows/observer.h"
#include "python/flow_rec.h"
#include "python/ref.h"
#include "spiderling/chain.h"

namespace spiderling::python {

/// The kinds of hooks, by the names that a chain's class has them under.
enum class HookKind : std::uint8_t { new_flow, ip4, ip6, icmp4, icmp6, tcp, udp, l4 };
inline constexpr std::array<const char*, 8> hook_names{"new_flow", "ip4", "ip6", "icmp4",
                                                       "icmp6",    "tcp", "udp", "l4"};

/// What a chain is made of.
struct ChainParts {
  std::string name;
  std::string description;
  std::array<Ref, hook_names.size()> hooks;  ///< callables; nothing: none of this kind
  std::vector<std::pair<std::string, std::string>>
      fields{};  ///< names and meanings, as far as they are known
  RecordForm form = RecordForm::chains;
};

/// A chain in Python, for an Observer. All Python chains of a set share one record a flow.
///
/// A hook is called as PATHspider calls it: new_flow(rec, ip), icmp4 and icmp6(rec, ip, quotation, rev=...),
/// the others (rec, header, rev=...). False ends the flow (from new_flow: no record for it); None says
/// nothing. What it raises is thrown on as a std::runtime_error.
class PythonChain final : public ForeignChain {
 public:
  /// Stays where it is, since its description names it. With the interpreter's lock; destroyed in any thread.
  static std::shared_ptr<const PythonChain> make(ChainParts parts);
  ~PythonChain() override;

  const ChainDescription& description() const { return description_; }

  std::shared_ptr<const void> place(void* state, std::span<const PlacedChain> chains,
                                    std::size_t own) const override;
  void begin_batch() const override;
  void end_batch() const noexcept override;
  void keep(const void* state) const override;
  void let_go(void* state) const noexcept override;
  void append_members(const void* state, std::string& json) const override;

  /// The record of a flow, borrowed; nullptr: no hook in Python has been called. `placed` is any Python chain
  /// of the set.
  static PyObject* rec_in(const std::uint8_t* states, const PlacedChain& placed);
  /// The flow ends: its record, if Python keeps it, has the time of the last packet, also of one without a
  /// hook. In a batch.
  static void note_end(const ChainSet& chains, const FlowRecord& record);

 private:
  struct Bound;
  struct State;

  explicit PythonChain(ChainParts parts);
  void describe();
  template <HookKind Kind, class... Header>
  static Verdict call(void* state, const Header&..., const FlowPacket& packet);
  Verdict run(HookKind kind, void* state, const FlowPacket& packet) const;
  void append_member(PyObject* name, PyObject* value, std::string& json) const;

  ChainParts parts_;
  ChainDescription description_{};
  std::vector<Ref> field_names_;
  mutable bool said_no_json_ = false;
};

}  // namespace spiderling::python
