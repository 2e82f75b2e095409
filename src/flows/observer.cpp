#include "flows/observer.h"

#include "wire/dissect.h"

#include <algorithm>

namespace spiderling {

namespace {

// Times outside the years 1970 to 2116 would let sums and differences overflow; hostile traces have them.
constexpr std::int64_t max_time_ns = std::int64_t{1} << 62;
std::int64_t sane(std::int64_t time_ns) { return std::clamp(time_ns, std::int64_t{0}, max_time_ns); }

// Added to such a time it still does not overflow; 36 years are as good as for ever.
std::int64_t sane_timeout(std::chrono::nanoseconds timeout) {
  return std::clamp(timeout.count(), std::int64_t{0}, std::int64_t{1} << 60);
}

// A trace whose clock has gone back stays back; a packet or two out of order do not count.
constexpr int batches_until_clock_is_set_back = 16;
constexpr std::int64_t tolerated_step_back_ns = 1'000'000'000;

bool is_cut(Defect defect) {
  return defect == Defect::cut_link || defect == Defect::cut_network || defect == Defect::cut_transport;
}

bool names_a_flow(const Packet& packet) {
  const bool needs_ports = protocol_has_ports(packet.protocol()) && !packet.is_later_fragment();
  return packet.is_ip() && (packet.has_ports() || !needs_ports);
}

// Where all packets are one flow.
constexpr FlowId only_flow{.key = {}, .hash = 0, .shard_hash = 0, .from_low = true};

std::int64_t time_of(const Packet& packet) { return packet.time().time_since_epoch().count(); }

}  // namespace

ObserverCounters& ObserverCounters::operator+=(const ObserverCounters& o) {
  packets += o.packets;
  short_packets += o.short_packets;
  non_ip += o.non_ip;
  malformed += o.malformed;
  flows += o.flows;
  records += o.records;
  ignored += o.ignored;
  ignored_packets += o.ignored_packets;
  orphan_fragments += o.orphan_fragments;
  early += o.early;
  unwanted_packets += o.unwanted_packets;
  chain_failures += o.chain_failures;
  failed_records += o.failed_records;
  chains_set_aside += o.chains_set_aside;
  return *this;
}

Observer::Observer(const ChainSet& chains, const ObserverOptions& options, FlowSink& sink)
    : chains_(chains),
      guard_(chains, options.max_failures, options.watchdog),
      sink_(sink),
      admission_(options.admission),
      idle_ns_(sane_timeout(options.idle_timeout)),
      expiry_ns_(sane_timeout(options.expiry_timeout)),
      seed_(options.seed),
      shard_(options.shard),
      shards_(options.shards),
      aggregate_(options.aggregate),
      table_(chains.blank_states(), std::max<std::size_t>(1, options.max_flows)),
      batch_(std::make_unique<Seen[]>(max_batch)) {}

// What was not emitted is nobody's any more.
Observer::~Observer() {
  if (chains_.foreign().empty()) return;
  const ChainSet::Batch batch(chains_);
  while (table_.size() != 0) {
    Flow& flow = next_due();
    chains_.let_go(flow.states());
    flow.wheel_slot = TimerWheel::no_slot;
    table_.erase(flow);
  }
}

void Observer::process(std::span<const Frame> frames) {
  const ChainSet::Batch batch(chains_);
  while (!frames.empty()) {
    const std::size_t count = std::min(frames.size(), max_batch);
    process_batch(frames.first(count));
    frames = frames.subspan(count);
  }
  note_failures();
}

// Three passes, so that the memory of a batch's flows is on its way while other packets are looked at.
void Observer::process_batch(std::span<const Frame> frames) {
  std::int64_t latest = 0;
  for (const Frame& frame : frames) latest = std::max(latest, frame.time_ns);
  if (!started_) keep_time(frames.front().time_ns);

  std::size_t ours = 0;
  for (const Frame& frame : frames) {
    if (!look(frame, batch_[ours])) continue;
    table_.prefetch_index(batch_[ours].id.hash);
    ++ours;
  }
  for (std::size_t i = 0; i < ours; ++i) table_.prefetch_flow(batch_[i].id.hash);
  for (std::size_t i = 0; i < ours; ++i) handle(batch_[i]);
  // Not only when time passes: a flood in one instant must not pile up.
  if (fragments_.has_given_up()) add_orphans(fragments_.expire(now_ns_));
  keep_time(latest);
}

// Finds the layers and the flow's name; false if there is no flow, or it is another shard's. A frame that
// names no flow is counted by the shard that its addresses would give it, if they can be told, else by the
// first.
bool Observer::look(const Frame& frame, Seen& seen) {
  Packet& packet = seen.packet;
  std::optional<std::uint32_t> owner;
  if (shards_ > 1) {
    owner = quick_shard_hash({frame.data, frame.captured}, frame.link_type, seed_);
    if (owner && shard_of(*owner, shards_) != shard_) return false;
  }
  Dissector::dissect(packet, {frame.data, frame.captured}, frame.wire_length, sane(frame.time_ns),
                     frame.link_type);
  if (!names_a_flow(packet)) {
    if (owner || shard_ == 0) count_without_flow(packet.defect());
    return false;
  }
  seen.kind = Kind::flow;
  seen.id = aggregate_ ? only_flow : flow_id_of(packet, seed_);
  if (aggregate_) {
    // It has no other name.
  } else if (packet.is_icmp()) {
    if (const auto quotation = packet.quotation()) {
      seen.id = flow_id_of_quotation(*quotation, seed_);
      if (quotation->is_later_fragment()) seen.kind = Kind::icmp_error;
    }
  } else if (packet.is_later_fragment()) {
    seen.kind = Kind::later_fragment;
  }
  if (shards_ > 1 && !owner && shard_of(seen.id.shard_hash, shards_) != shard_) return false;
  ++counters_.packets;
  if (packet.defect() != Defect::none && !is_cut(packet.defect())) ++counters_.malformed;
  return true;
}

void Observer::count_without_flow(Defect defect) {
  ++counters_.packets;
  if (defect != Defect::none && !is_cut(defect)) ++counters_.malformed;
  ++(defect == Defect::none ? counters_.non_ip : counters_.short_packets);
}

void Observer::handle(const Seen& seen) {
  const Packet& packet = seen.packet;
  if (aggregate_) return add_to_flow(packet, seen.id);
  if (seen.kind == Kind::later_fragment) return handle_later_fragment(packet, seen.id);
  if (seen.kind == Kind::icmp_error) {
    // It quotes a fragment without ports: the flow is the one its datagram began.
    const auto quotation = packet.quotation();
    if (const FlowId* flow = fragments_.find(FragmentTracker::key_of(*quotation))) {
      FlowId reversed = *flow;
      reversed.from_low = !reversed.from_low;
      return add_to_flow(packet, reversed);
    }
  }
  add_to_flow(packet, seen.id);
  if (packet.is_fragment() && !packet.is_later_fragment()) {
    const auto waiting = fragments_.first_seen(FragmentTracker::key_of(packet), seen.id, time_of(packet));
    for (const OwnedPacket& later : waiting) add_to_flow(*later, seen.id);
  }
}

void Observer::handle_later_fragment(const Packet& packet, const FlowId& by_addresses) {
  const auto key = FragmentTracker::key_of(packet);
  if (const FlowId* flow = fragments_.find(key)) return add_to_flow(packet, *flow);
  if (!protocol_has_ports(packet.protocol())) return add_to_flow(packet, by_addresses);
  if (fragments_.hold(key, packet)) return;
  ++counters_.orphan_fragments;
  add_to_flow(packet, by_addresses);
}

void Observer::add_orphans(std::vector<OwnedPacket> orphans) {
  for (const OwnedPacket& orphan : orphans) {
    ++counters_.orphan_fragments;
    add_to_flow(*orphan, flow_id_of(*orphan, seed_));
  }
}

void Observer::add_to_flow(const Packet& packet, const FlowId& id) {
  guard_.next_packet();
  const std::int64_t now_ns = time_of(packet);
  Flow* flow = table_.find(id.key, id.hash);
  if (flow == nullptr) {
    if (admission_ != nullptr && !admission_->wants(id)) {
      ++counters_.unwanted_packets;
      return;
    }
    flow = &start_flow(packet, id);
  } else {
    settle_idle(*flow, now_ns);
    if (is_over(*flow, now_ns)) {
      // The record goes out, and the block, still in table and wheel, serves the next flow of that key.
      emit(*flow);
      table_.blank(*flow);
      open_record(*flow, packet, id);
    }
  }
  if (admission_ != nullptr) admission_->belongs(packet);
  flow->first_ns = std::min(flow->first_ns, now_ns);  // a held fragment may be older than its first
  flow->last_ns = std::max(flow->last_ns, now_ns);
  if (flow->ignored) {
    ++counters_.ignored_packets;
    return;
  }
  const Direction direction = id.from_low == flow->forward_from_low ? Direction::forward : Direction::reverse;
  if (admission_ != nullptr && direction == Direction::reverse && !flow->answered) {
    flow->answered = true;
    admission_->answered(id);
  }
  if (run_chains(*flow, packet, direction) && flow->completed_ns == Flow::not_completed) {
    flow->completed_ns = now_ns;
    // Due sooner than the wheel was told. Where a flood completes flows that have to make room at once, what
    // is out of date would pile up in it: then the old entry has to do.
    if (wheel_.size() < 2 * table_.max_flows()) wake_at_end(*flow);
  }
}

Flow& Observer::start_flow(const Packet& packet, const FlowId& id) {
  if (table_.size() == table_.max_flows()) make_room();
  Flow& flow = *table_.insert(id.key, id.hash);
  open_record(flow, packet, id);
  wake_at_end(flow);
  return flow;
}

// Makes a block with blank states the record of a new flow, or the note that a chain does not want it.
void Observer::open_record(Flow& flow, const Packet& packet, const FlowId& id) {
  flow.first_ns = flow.last_ns = time_of(packet);
  flow.completed_ns = Flow::not_completed;
  flow.forward_from_low = id.from_low;
  flow.ignored = flow.answered = false;
  flow.failed = {};
  if (!guard_.hooks.new_flow.empty()) {
    const FlowPacket in_flow{packet, Direction::forward};
    const Said said = guard_.run(guard_.hooks.new_flow, flow.states(), flow.failed, in_flow);
    guard_.leave();
    flow.ignored = said.ignore;
    if (said.complete) flow.completed_ns = flow.first_ns;
  }
  ++(flow.ignored ? counters_.ignored : counters_.flows);
}

// Every chain sees every packet: a verdict is noted, never acted on before the last hook has run.
bool Observer::run_chains(Flow& flow, const Packet& packet, Direction direction) {
  const bool complete = run_hooks(flow, packet, direction);
  guard_.leave();
  return complete;
}

bool Observer::run_hooks(Flow& flow, const Packet& packet, Direction direction) {
  std::uint8_t* states = flow.states();
  const FlowPacket in_flow{packet, direction};
  ChainHooks& hooks = guard_.hooks;
  bool complete = false;
  const auto run = [&](auto& list, const auto& header) {
    complete |= guard_.run(list, states, flow.failed, header, in_flow).complete;
  };
  const bool v4 = packet.ip_version() == IpVersion::v4;
  if (v4) {
    if (!hooks.ip4.empty()) run(hooks.ip4, *packet.ip4());
  } else if (!hooks.ip6.empty()) {
    run(hooks.ip6, *packet.ip6());
  }
  if (packet.is_icmp()) {
    auto& icmp = v4 ? hooks.icmp4 : hooks.icmp6;
    if (icmp.empty()) return complete;
    if (const auto header = packet.icmp()) {
      const auto quotation = packet.quotation();
      run(icmp, IcmpMessage{*header, quotation ? &*quotation : nullptr});
    }
  } else if (packet.is_later_fragment()) {
    return complete;
  } else if (packet.is(IpProtocol::tcp)) {
    if (hooks.tcp.empty()) return complete;
    if (const auto header = packet.tcp()) run(hooks.tcp, *header);
  } else if (packet.is(IpProtocol::udp)) {
    if (hooks.udp.empty()) return complete;
    if (const auto header = packet.udp()) run(hooks.udp, *header);
  } else if (!hooks.l4.empty()) {
    run(hooks.l4, packet.transport());
  }
  return complete;
}

void Observer::advance(Timestamp now) {
  const ChainSet::Batch batch(chains_);
  keep_time(now.time_since_epoch().count());
  note_failures();
}

void Observer::keep_time(std::int64_t batch_time_ns) {
  const std::int64_t now_ns = sane(batch_time_ns);
  if (!started_) {
    started_ = true;
    now_ns_ = now_ns;
    wheel_.set_clock(now_ns);
    return;
  }
  if (now_ns >= now_ns_ - tolerated_step_back_ns) {
    batches_behind_ = 0;
  } else if (++batches_behind_ >= batches_until_clock_is_set_back) {
    batches_behind_ = 0;
    now_ns_ = now_ns;
    wheel_.set_clock(now_ns);
    return;
  }
  if (now_ns > now_ns_) move_clock(now_ns);
}

void Observer::move_clock(std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (!fragments_.empty()) add_orphans(fragments_.expire(now_ns));
  wheel_.advance(
      now_ns, [&](std::uint32_t far_ahead) { table_.prefetch_block(far_ahead); },
      [&](std::uint32_t ahead) { table_.prefetch_index_of(ahead); },
      [&](std::uint32_t number) {
        Flow& flow = table_.flow(number);
        if (flow.wheel_slot != wheel_.slot()) return;
        if (emit_at(flow) > now_ns) return wake_at_end(flow);
        close(flow);
      });
}

// An idle flow became complete when its idle timeout had passed, whenever that is noticed.
void Observer::settle_idle(Flow& flow, std::int64_t now_ns) const {
  if (flow.completed_ns == Flow::not_completed && now_ns - flow.last_ns >= idle_ns_) {
    flow.completed_ns = flow.last_ns + idle_ns_;
  }
}

bool Observer::is_over(const Flow& flow, std::int64_t now_ns) const {
  return flow.completed_ns != Flow::not_completed && now_ns >= flow.completed_ns + expiry_ns_;
}

std::int64_t Observer::emit_at(const Flow& flow) const {
  return std::min(flow.completed_ns, flow.last_ns + idle_ns_) + expiry_ns_;
}

void Observer::emit(Flow& flow) {
  if (!flow.ignored) {
    ++counters_.records;
    const FailedChains failed = flow.failed | guard_.set_aside();
    if (failed.any()) ++counters_.failed_records;
    sink_.flow_ended({Timestamp(std::chrono::nanoseconds(flow.first_ns)),
                      Timestamp(std::chrono::nanoseconds(flow.last_ns)), flow.states(), &flow.key, failed});
  }
  chains_.let_go(flow.states());
}

void Observer::wake_at_end(Flow& flow) { flow.wheel_slot = wheel_.add(flow.number, emit_at(flow)); }

void Observer::close(Flow& flow) {
  emit(flow);
  flow.wheel_slot = TimerWheel::no_slot;
  table_.erase(flow);
}

bool Observer::end(const FlowId& id) {
  Flow* flow = table_.find(id.key, id.hash);
  if (flow == nullptr) return false;
  const ChainSet::Batch batch(chains_);
  close(*flow);
  return true;
}

// The flow that is due next.
Flow& Observer::next_due() {
  for (;;) {
    const TimerWheel::Entry entry = wheel_.take_next();
    Flow& flow = table_.flow(entry.number);
    if (flow.wheel_slot == entry.slot) return flow;
  }
}

void Observer::make_room() {
  Flow& flow = next_due();
  if (!flow.ignored) ++counters_.early;
  close(flow);
}

void Observer::note_failures() {
  counters_.chain_failures = guard_.failures();
  counters_.chains_set_aside = guard_.set_aside_count();
}

void Observer::finish() {
  const ChainSet::Batch batch(chains_);
  add_orphans(fragments_.expire(now_ns_, true));
  while (table_.size() != 0) close(next_due());
  note_failures();
}

}  // namespace spiderling
