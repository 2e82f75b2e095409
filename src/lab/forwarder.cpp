#include "lab/forwarder.h"

#include "lab/edits.h"
#include "spiderling/packet.h"
#include "wire/dissect.h"

namespace spiderling::lab {

BoxForwarder::BoxForwarder(const Scenario& scenario, const AddressPlan& plan)
    : scenario_(scenario), plan_(plan) {}

bool BoxForwarder::happens(double percent) {
  return std::uniform_real_distribution<double>(0, 100)(random_) < percent;
}

void BoxForwarder::hold(Bytes packet, Time due) {
  if (held_bytes_ + packet.size() > max_held_bytes) {
    ++dropped_when_full_;
    return;
  }
  held_bytes_ += packet.size();
  held_.push({due, held_ever_++, {packet.begin(), packet.end()}});
}

void BoxForwarder::take(std::span<std::uint8_t> bytes, Time now, const Send& send) {
  Packet packet;
  Dissector::dissect_ip(packet, bytes, static_cast<std::uint32_t>(bytes.size()), 0);
  const auto destination = packet.is_ip() ? plan_.find(packet.destination()) : std::nullopt;
  const auto target = destination || !packet.is_ip() ? destination : plan_.find(packet.source());
  if (!target) return send(bytes);
  const Host& host = scenario_.hosts[target->host];
  const Parameters& p = host.parameters;
  switch (host.box->kind) {
    case BoxKind::mss_lowered: bound_mss(bytes, MssBound::at_most, p.mss); break;
    case BoxKind::mss_raised: bound_mss(bytes, MssBound::at_least, p.mss); break;
    case BoxKind::syn_data_dropped:
      if (destination && is_syn_with_data(bytes)) return;
      break;
    case BoxKind::slow:
      if (destination) return hold(bytes, now + p.delay);
      break;
    case BoxKind::duplicating:
      if (happens(p.duplicate_percent)) send(bytes);
      break;
    case BoxKind::reordering:
      if (happens(p.reorder_percent)) return hold(bytes, now + p.delay);
      break;
    default: break;
  }
  send(bytes);
}

void BoxForwarder::send_due(Time now, const Send& send) {
  while (!held_.empty() && held_.top().due <= now) {
    held_bytes_ -= held_.top().bytes.size();
    send(held_.top().bytes);
    held_.pop();
  }
}

std::optional<BoxForwarder::Time> BoxForwarder::next_due() const {
  if (held_.empty()) return std::nullopt;
  return held_.top().due;
}

}  // namespace spiderling::lab
