#include "capture/fanout_program.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <cstdint>
#include <initializer_list>
#include <stdexcept>

#include "capture/ancillary.h"

namespace spiderling {
namespace {

// Cells of the program's scratch memory.
enum Cell : std::uint32_t { ip_start, next_header, ip_end, saved_x, header_length, sum };

/// Writes BPF with jumps to labels.
class Assembler {
 public:
  using Label = std::size_t;

  Label label() {
    places_.push_back(0);
    return places_.size() - 1;
  }
  void place(Label label) { places_[label] = code_.size(); }

  void emit(unsigned code, std::uint32_t k = 0) {
    code_.push_back({static_cast<std::uint16_t>(code), 0, 0, k});
  }
  void load_byte(std::uint32_t k) { emit(BPF_LD | BPF_B | BPF_IND, k); }  // at X + k
  void load_half(std::uint32_t k) { emit(BPF_LD | BPF_H | BPF_IND, k); }
  void load_word(std::uint32_t k) { emit(BPF_LD | BPF_W | BPF_IND, k); }
  void load(Cell cell) { emit(BPF_LD | BPF_MEM, cell); }
  void load_x(Cell cell) { emit(BPF_LDX | BPF_MEM, cell); }
  void store(Cell cell) { emit(BPF_ST, cell); }
  void store_x(Cell cell) { emit(BPF_STX, cell); }
  void alu(unsigned operation, std::uint32_t k) { emit(BPF_ALU | operation | BPF_K, k); }
  void add_x() { emit(BPF_ALU | BPF_ADD | BPF_X); }
  void a_to_x() { emit(BPF_MISC | BPF_TAX); }
  void x_to_a() { emit(BPF_MISC | BPF_TXA); }
  void advance_x(std::uint32_t by) {
    x_to_a();
    alu(BPF_ADD, by);
    a_to_x();
  }
  void jump(Label to) { far(to); }
  /// If the comparison of A holds, on to `to`.
  void jump_if(unsigned comparison, std::uint32_t k, Label to) {
    emit(BPF_JMP | comparison | BPF_K, k);
    code_.back().if_false = 1;
    far(to);
  }
  void jump_if_any(std::initializer_list<std::uint32_t> values, Label to) {
    for (const std::uint32_t value : values) jump_if(BPF_JEQ, value, to);
  }
  /// As jump_if(), with X for the constant.
  void jump_if_x(unsigned comparison, Label to) {
    emit(BPF_JMP | comparison | BPF_X);
    code_.back().if_false = 1;
    far(to);
  }

  std::vector<FilterInstruction> finish() {
    for (const auto& [at, label] : jumps_) code_[at].k = static_cast<std::uint32_t>(places_[label] - at - 1);
    return std::move(code_);
  }

 private:
  // Only the unconditional jump reaches further than 255 instructions.
  void far(Label to) {
    jumps_.emplace_back(code_.size(), to);
    emit(BPF_JMP | BPF_JA);
  }

  std::vector<FilterInstruction> code_;
  std::vector<std::size_t> places_;
  std::vector<std::pair<std::size_t, Label>> jumps_;
};

/// Written once for packets that came in, which the kernel shows from the network header on, and once for
/// those that go out, which it shows from the link header on; there `base` makes offsets relative to the
/// network header.
class Part {
 public:
  Part(Assembler& assembler, std::uint32_t base) : a_(assembler), base_(base) {}

  void write() {
    const bool outgoing = base_ != 0;
    a_.emit(BPF_LDX | BPF_IMM, 0);
    a_.emit(BPF_LD | BPF_H | BPF_ABS, ancillary(SKF_AD_PROTOCOL));
    dispatch();
    if (outgoing) {
      by_version();
    } else {
      tags();
    }
    a_.place(nowhere_);
    a_.emit(BPF_RET | BPF_K, 0);
    a_.place(v4_);
    ipv4();
    a_.place(v6_);
    ipv6();
  }

 private:
  void dispatch() {
    a_.jump_if(BPF_JEQ, ETH_P_IP, v4_);
    a_.jump_if(BPF_JEQ, ETH_P_IPV6, v6_);
  }

  // A tag that the sender put in place itself is before the network header.
  void by_version() {
    a_.load_byte(base_);
    a_.alu(BPF_RSH, 4);
    a_.jump_if(BPF_JEQ, 4, v4_);
    a_.jump_if(BPF_JEQ, 6, v6_);
  }

  // The kernel strips one tag. Those below are at the "network header".
  void tags() {
    for (int depth = 0; depth < 2; ++depth) {
      const auto tag = a_.label();
      a_.jump_if_any({ETH_P_8021Q, ETH_P_8021AD}, tag);
      a_.jump(nowhere_);
      a_.place(tag);
      a_.load_half(base_ + 2);
      a_.store(next_header);
      a_.advance_x(4);
      a_.load(next_header);
      dispatch();
    }
  }

  // X: where the header is.
  void ipv4() {
    const auto pair = a_.label();
    const auto quotes = a_.label();
    const auto long_enough = a_.label();
    const auto quoted = a_.label();
    a_.store_x(ip_start);
    a_.load_byte(base_ + 9);
    const auto icmp = a_.label();
    a_.jump_if(BPF_JEQ, 1, icmp);
    a_.jump(pair);
    a_.place(icmp);
    a_.load_half(base_ + 6);
    a_.alu(BPF_AND, 0x1fff);
    a_.jump_if(BPF_JGT, 0, pair);
    a_.load_half(base_ + 2);
    a_.store(ip_end);  // relative to the header
    a_.load_byte(base_);
    a_.alu(BPF_AND, 0xf);
    a_.alu(BPF_LSH, 2);
    a_.store(header_length);
    a_.add_x();
    a_.a_to_x();
    a_.load_byte(base_);
    a_.jump_if_any({3, 4, 5, 11, 12}, quotes);
    a_.jump(pair);
    a_.place(quotes);
    a_.store_x(saved_x);
    a_.load(header_length);
    a_.alu(BPF_ADD, 8 + 20);
    a_.a_to_x();
    a_.load(ip_end);
    a_.jump_if_x(BPF_JGE, long_enough);
    a_.jump(pair);
    a_.place(long_enough);
    a_.load_x(saved_x);
    quotation(4, quoted, pair);
    a_.place(pair);
    a_.load_x(ip_start);
    a_.place(quoted);
    hash({12, 16});
  }

  void ipv6() {
    const auto pair = a_.label();
    const auto icmp = a_.label();
    const auto error = a_.label();
    const auto long_enough = a_.label();
    const auto quoted = a_.label();
    a_.store_x(ip_start);
    a_.load_half(base_ + 4);
    a_.add_x();
    a_.alu(BPF_ADD, 40);
    a_.store(ip_end);
    a_.load_byte(base_ + 6);
    a_.store(next_header);
    a_.advance_x(40);
    for (int depth = 0; depth < 3; ++depth) extension(icmp, pair);
    a_.load(next_header);
    a_.jump_if(BPF_JEQ, 58, icmp);
    a_.jump(pair);
    a_.place(icmp);
    a_.load_byte(base_);
    a_.jump_if_any({1, 2, 3, 4}, error);
    a_.jump(pair);
    a_.place(error);
    a_.store_x(saved_x);
    a_.advance_x(8 + 40);
    a_.load(ip_end);
    a_.jump_if_x(BPF_JGE, long_enough);
    a_.jump(pair);
    a_.place(long_enough);
    a_.load_x(saved_x);
    quotation(6, quoted, pair);
    a_.place(pair);
    a_.load_x(ip_start);
    a_.place(quoted);
    hash({8, 12, 16, 20, 24, 28, 32, 36});
  }

  // Steps over one extension header, if next_header says that there is one at X.
  void extension(Assembler::Label icmp, Assembler::Label pair) {
    const auto options = a_.label();
    const auto fragment = a_.label();
    const auto next = a_.label();
    a_.load(next_header);
    a_.jump_if(BPF_JEQ, 58, icmp);
    a_.jump_if_any({0, 43, 60}, options);
    a_.jump_if(BPF_JEQ, 44, fragment);
    a_.jump(pair);
    a_.place(fragment);
    a_.load_half(base_ + 2);
    a_.alu(BPF_AND, 0xfff8);
    a_.jump_if(BPF_JGT, 0, pair);
    a_.load_byte(base_);
    a_.store(next_header);
    a_.advance_x(8);
    a_.jump(next);
    a_.place(options);
    a_.load_byte(base_);
    a_.store(next_header);
    a_.load_byte(base_ + 1);
    a_.alu(BPF_ADD, 1);
    a_.alu(BPF_LSH, 3);
    a_.add_x();
    a_.a_to_x();
    a_.place(next);
  }

  // X at an ICMP header: on to the header that it quotes if that is of `version`, else to `pair`.
  void quotation(std::uint32_t version, Assembler::Label quoted, Assembler::Label pair) {
    const auto good = a_.label();
    a_.load_byte(base_ + 8);
    a_.alu(BPF_RSH, 4);
    a_.jump_if(BPF_JEQ, version, good);
    a_.jump(pair);
    a_.place(good);
    a_.advance_x(8);
    a_.jump(quoted);
  }

  // Of the words at X + offset: those of the two addresses weigh the same, so that their order does not
  // count.
  void hash(std::initializer_list<std::uint32_t> offsets) {
    constexpr std::uint32_t weights[4] = {0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f};
    const std::size_t words = offsets.size() / 2;
    std::uint32_t i = 0;
    for (const std::uint32_t offset : offsets) {
      a_.load_word(base_ + offset);
      a_.alu(BPF_MUL, weights[i % words]);
      a_.store(static_cast<Cell>(sum + i));
      ++i;
    }
    a_.load(sum);
    for (std::uint32_t k = 1; k < i; ++k) {
      a_.load_x(static_cast<Cell>(sum + k));
      a_.add_x();
    }
    a_.a_to_x();
    a_.alu(BPF_RSH, 15);
    a_.emit(BPF_ALU | BPF_XOR | BPF_X);
    a_.emit(BPF_RET | BPF_A);
  }

  Assembler& a_;
  std::uint32_t base_;
  Assembler::Label v4_ = a_.label();
  Assembler::Label v6_ = a_.label();
  Assembler::Label nowhere_ = a_.label();
};

}  // namespace

std::vector<FilterInstruction> fanout_program() {
  Assembler assembler;
  const auto outgoing = assembler.label();
  assembler.emit(BPF_LD | BPF_B | BPF_ABS, ancillary(SKF_AD_PKTTYPE));
  assembler.jump_if(BPF_JEQ, PACKET_OUTGOING, outgoing);
  Part(assembler, 0).write();
  assembler.place(outgoing);
  Part(assembler, static_cast<std::uint32_t>(SKF_NET_OFF)).write();
  return assembler.finish();
}

}  // namespace spiderling
