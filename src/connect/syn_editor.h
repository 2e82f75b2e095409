// SYNs that come out of detours (host/syn_detours.h), sent on without the options that they are not to have.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "host/tun_device.h"
#include "spiderling/connection.h"

namespace spiderling {

/// A thread of its own from start() on. What is no SYN is not sent on.
///
///     auto editor = SynEditor::make();                          // with privileges
///     auto device = editor->add({.timestamps = true});          // into which SYNs are led
///     editor->start();                                          // when privileges were dropped
class SynEditor {
 public:
  /// Errors: no CAP_NET_RAW.
  static Result<std::unique_ptr<SynEditor>> make();
  SynEditor(const SynEditor&) = delete;
  SynEditor& operator=(const SynEditor&) = delete;
  /// Ends the thread; the devices are gone.
  ~SynEditor();

  /// Makes a device. SYNs that come out of it keep these options. Its name. Not after start().
  Result<std::string> add(const SynOptions& kept);
  void start();

  /// SYNs that could not be sent on. Any thread.
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  struct Source {
    TunDevice device;
    SynOptions kept;
  };
  SynEditor() = default;
  void run();
  void take_from(const Source& source);
  bool send(std::span<const std::uint8_t> packet);

  FileDescriptor stop_;
  FileDescriptor raw4_, raw6_;
  std::vector<Source> sources_;
  std::vector<std::uint8_t> room_;
  std::atomic<std::uint64_t> lost_ = 0;
  std::thread thread_;
};

}  // namespace spiderling
