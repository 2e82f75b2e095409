#include "python/python_chain.h"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "base/log.h"
#include "python/headers.h"
#include "python/hook_threads.h"
#include "python/json_text.h"
#include "python/turn.h"

namespace spiderling::python {

// Of a chain in one set.
struct PythonChain::Bound {
  const PythonChain* chain;
  std::ptrdiff_t to_first;   // from its state to that of the first Python chain of the set
  std::ptrdiff_t to_states;  // from its state to the states of all
  bool is_first;
  const NativeFields* natives;             // of the set
  std::vector<const PythonChain*> others;  // of the first: the other Python chains of the set
};

// `rec` is that of the first Python chain of a set only: all share it.
struct PythonChain::State {
  const Bound* bound;
  PyObject* rec;
};

namespace {

template <class State>
State* first_state(void* state, std::ptrdiff_t to_first) {
  return reinterpret_cast<State*>(static_cast<std::uint8_t*>(state) + to_first);
}

// What was raised, and where, in one line.
std::string problem_of(const RaisedException& raised) {
  std::string where;
  const auto last = raised.traceback.rfind("\n  File ");
  const auto at = last == std::string::npos && raised.traceback.starts_with("  File ") ? 0 : last;
  if (at != std::string::npos) {
    const auto begin = raised.traceback.find('"', at);
    where = raised.traceback.substr(begin, raised.traceback.find('\n', begin) - begin);
  }
  return where.empty() ? raised.text : raised.text + " (" + where + ")";
}

constexpr HeaderKind header_for(HookKind hook, bool v4) {
  switch (hook) {
    case HookKind::tcp: return HeaderKind::tcp;
    case HookKind::udp: return HeaderKind::udp;
    case HookKind::l4: return HeaderKind::packet;
    default: return v4 ? HeaderKind::ip : HeaderKind::ip6;
  }
}

PyObject* name_of_rev() {
  static PyObject* const names = [] {
    PyObject* rev = PyUnicode_InternFromString("rev");
    return rev == nullptr ? nullptr : PyTuple_Pack(1, rev);
  }();
  return names;
}

// A new reference to what the hook returned; nothing: it raised.
Ref call_hook(PyObject* hook, HookKind kind, PyObject* rec, const FlowPacket& p) {
  const PacketShare share(p.packet);
  const Ref header(new_header(header_for(kind, p->ip_version() == IpVersion::v4), share.held()));
  if (!header) return {};
  const bool has_quotation = kind == HookKind::icmp4 || kind == HookKind::icmp6;
  const Ref quotation(has_quotation ? new_quotation(share.held()) : nullptr);
  if (has_quotation && !quotation) return {};
  PyObject* arguments[] = {nullptr, rec, header.get(), nullptr, nullptr};
  std::size_t positional = 2;
  if (has_quotation) arguments[1 + positional++] = quotation.get();
  constexpr std::size_t room_before = PY_VECTORCALL_ARGUMENTS_OFFSET;
  if (kind == HookKind::new_flow)
    return Ref(PyObject_Vectorcall(hook, arguments + 1, positional | room_before, nullptr));
  arguments[1 + positional] = p.reverse() ? Py_True : Py_False;
  return Ref(PyObject_Vectorcall(hook, arguments + 1, positional | room_before, name_of_rev()));
}

Verdict verdict_of(const Ref& returned, HookKind kind) {
  PyObject* value = returned.get();
  if (value == Py_True || value == Py_None) return Verdict::go_on;
  const int truth = PyObject_IsTrue(value);
  if (truth < 0) throw std::runtime_error(problem_of(take_exception()));
  if (truth != 0) return Verdict::go_on;
  return kind == HookKind::new_flow ? Verdict::ignore : Verdict::complete;
}

}  // namespace

std::shared_ptr<const PythonChain> PythonChain::make(ChainParts parts) {
  std::shared_ptr<PythonChain> made(new PythonChain(std::move(parts)));
  made->describe();
  // Whoever holds the chain has its description, which need not hold the chain.
  made->description_.foreign = std::shared_ptr<const ForeignChain>(std::shared_ptr<void>(), made.get());
  return made;
}

PythonChain::PythonChain(ChainParts parts) : parts_(std::move(parts)) {
  for (const auto& [name, meaning] : parts_.fields)
    field_names_.emplace_back(PyUnicode_InternFromString(name.c_str()));
}

PythonChain::~PythonChain() {
  const Turn turn;
  parts_.hooks = {};
  field_names_.clear();
}

template <HookKind Kind, class... Header>
Verdict PythonChain::call(void* state, const Header&..., const FlowPacket& packet) {
  return static_cast<State*>(state)->bound->chain->run(Kind, state, packet);
}

void PythonChain::describe() {
  ChainDescription& d = description_;
  d.name = parts_.name.c_str();
  d.description = parts_.description.c_str();
  d.state_size = sizeof(State);
  d.state_align = alignof(State);
  d.fields_in_state = true;
  for (const auto& [name, meaning] : parts_.fields)
    d.fields.push_back({name.c_str(), meaning.c_str(), FieldType::any, false, 0, 0});
  const auto has = [&](HookKind kind) {
    return static_cast<bool>(parts_.hooks[static_cast<std::size_t>(kind)]);
  };
  if (has(HookKind::new_flow)) d.new_flow = call<HookKind::new_flow>;
  if (has(HookKind::ip4)) d.ip4 = call<HookKind::ip4, Ipv4Header>;
  if (has(HookKind::ip6)) d.ip6 = call<HookKind::ip6, Ipv6Header>;
  if (has(HookKind::icmp4)) d.icmp4 = call<HookKind::icmp4, IcmpMessage>;
  if (has(HookKind::icmp6)) d.icmp6 = call<HookKind::icmp6, IcmpMessage>;
  if (has(HookKind::tcp)) d.tcp = call<HookKind::tcp, TcpHeader>;
  if (has(HookKind::udp)) d.udp = call<HookKind::udp, UdpHeader>;
  if (has(HookKind::l4)) d.l4 = call<HookKind::l4, Transport>;
}

std::shared_ptr<const void> PythonChain::place(void* state, std::span<const PlacedChain> chains,
                                               std::size_t own) const {
  const Turn turn;
  struct Held {
    explicit Held(std::span<const PlacedChain> all) { natives.emplace(all); }
    ~Held() {
      const Turn last;
      natives.reset();
    }
    std::optional<NativeFields> natives;
    Bound bound{};
  };
  const auto held = std::make_shared<Held>(chains);
  const auto is_ours = [](const PlacedChain& one) {
    return dynamic_cast<const PythonChain*>(one.chain->foreign.get()) != nullptr;
  };
  const auto first = std::ranges::find_if(chains, is_ours);
  const auto offset = static_cast<std::ptrdiff_t>(chains[own].state_offset);
  held->bound = {this,
                 static_cast<std::ptrdiff_t>(first->state_offset) - offset,
                 -offset,
                 first->state_offset == chains[own].state_offset,
                 &*held->natives,
                 {}};
  for (const PlacedChain& one : chains) {
    const auto* chain = dynamic_cast<const PythonChain*>(one.chain->foreign.get());
    if (chain != nullptr && chain != this) held->bound.others.push_back(chain);
  }
  new (state) State{&held->bound, nullptr};
  return held;
}

void PythonChain::begin_batch() const { Turn::begin(); }
void PythonChain::end_batch() const noexcept { Turn::end(); }

Verdict PythonChain::run(HookKind kind, void* state, const FlowPacket& packet) const {
  if (hooks_are_over()) return Verdict::go_on;
  const Bound& bound = *static_cast<State*>(state)->bound;
  State* first = first_state<State>(state, bound.to_first);
  if (first->rec == nullptr) {
    const std::uint8_t* states = static_cast<std::uint8_t*>(state) + bound.to_states;
    first->rec = FlowRec::make(*first->bound->natives, states, packet->time(), parts_.form);
    if (first->rec == nullptr) throw_exception();
  }
  FlowRec::packet(first->rec, packet->time());
  const InHook in_hook;
  const Ref returned =
      call_hook(parts_.hooks[static_cast<std::size_t>(kind)].get(), kind, first->rec, packet);
  if (!returned) throw std::runtime_error(problem_of(take_exception()));
  return verdict_of(returned, kind);
}

// A copy of the states refers to the record too, and the record must not refer to those that were copied.
void PythonChain::keep(const void* state) const {
  const auto* s = static_cast<const State*>(state);
  if (s->rec == nullptr) return;
  const Turn turn;
  Py_INCREF(s->rec);
}

void PythonChain::let_go(void* state) const noexcept {
  auto* s = static_cast<State*>(state);
  if (s->rec == nullptr) return;
  const Turn turn;
  FlowRec::end(s->rec, Py_REFCNT(s->rec) == 1);
  Py_CLEAR(s->rec);
}

PyObject* PythonChain::rec_in(const std::uint8_t* states, const PlacedChain& placed) {
  const auto* state = reinterpret_cast<const State*>(states + placed.state_offset);
  return reinterpret_cast<const State*>(states + placed.state_offset + state->bound->to_first)->rec;
}

void PythonChain::note_end(const ChainSet& chains, const FlowRecord& record) {
  if (chains.foreign().empty()) return;
  PyObject* rec = rec_in(record.states, chains.foreign().front());
  if (rec != nullptr) FlowRec::packet(rec, record.last);
}

void PythonChain::append_member(PyObject* name, PyObject* value, std::string& json) const {
  json += ',';
  const Ref text(PyUnicode_CheckExact(name) ? Py_NewRef(name) : PyObject_Str(name));
  if (!text || !append_json(text.get(), json)) {
    PyErr_Clear();
    json.pop_back();
    return;
  }
  json += ':';
  if (value == nullptr) {
    json += "null";
  } else if (!append_json(value, json)) {
    json += "null";
    if (std::exchange(said_no_json_, true)) return;
    log::warning("a field of a chain cannot be said in JSON and is null",
                 {{"chain", parts_.name}, {"field", text_of(name)}, {"type", Py_TYPE(value)->tp_name}});
  }
}

void PythonChain::append_members(const void* state, std::string& json) const {
  const Turn turn;
  const auto* s = static_cast<const State*>(state);
  const Bound& bound = *s->bound;
  PyObject* rec =
      reinterpret_cast<const State*>(reinterpret_cast<const std::uint8_t*>(state) + bound.to_first)->rec;
  PyObject* own = rec == nullptr ? nullptr : FlowRec::own_items(rec);
  // Values are held, and names: what makes JSON of them is Python, and others who have the record may change
  // it meanwhile.
  for (const Ref& name : field_names_) {
    const Ref value = Ref::borrowed(own == nullptr ? nullptr : PyDict_GetItemWithError(own, name.get()));
    append_member(name.get(), value.get(), json);
  }
  if (!bound.is_first || own == nullptr) return;
  // What no Python chain has declared, and no native one has.
  PyObject *name = nullptr, *value = nullptr;
  const auto declares = [&](const PythonChain& chain) {
    return std::ranges::any_of(chain.field_names_, [&](const Ref& known) {
      return PyUnicode_Check(name) && PyUnicode_Compare(known.get(), name) == 0;
    });
  };
  for (Py_ssize_t at = 0; PyDict_Next(own, &at, &name, &value) != 0;) {
    const Ref name_held = Ref::borrowed(name), value_held = Ref::borrowed(value);
    if (declares(*this) || std::ranges::any_of(bound.others, [&](const auto* one) { return declares(*one); }))
      continue;
    const bool engines = PyUnicode_Check(name) && (PyUnicode_CompareWithASCIIString(name, "pkt_first") == 0 ||
                                                   PyUnicode_CompareWithASCIIString(name, "pkt_last") == 0);
    if (!engines && bound.natives->find(name) == nullptr) append_member(name, value, json);
  }
  PyErr_Clear();
}

}  // namespace spiderling::python
