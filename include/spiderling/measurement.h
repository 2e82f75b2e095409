// Measurements: what is asked about the path to each target.
//
//     #include <spiderling/measurement.h>
//     using namespace spiderling;
//
//     class EcnMeasurement : public SynchronizedMeasurement {
//      public:
//       static constexpr const char* name = "ecn";
//       static constexpr const char* description = "Does the path let ECN through?";
//       static constexpr const char* version = "1.0.0";
//       static constexpr std::array chains{"basic", "tcp", "ecn"};
//       static constexpr std::array connect_supported{ConnectMode::http, ConnectMode::tcp};
//
//       std::vector<Configuration> configurations() const override {
//         Configuration off("ECN off"), on("ECN on");
//         off.socket.ecn = EcnRequest::off;
//         on.socket.ecn = EcnRequest::on;
//         return {off, on};
//       }
//       void combine(const MergedFlows& flows, Conditions& conditions) const override {
//         conditions.connectivity("ecn", flows[0].ok(), flows[1].ok());
//         if (!flows[1].trusted()) return conditions.not_observed();
//         conditions.add(flows[1].is(ce_) ? "ecn.ipmark.ce.seen" : "ecn.ipmark.ce.not_seen");
//       }
//
//      private:
//       FlowField<bool> ce_{flow_fields_, "ecn_ce_data_rev"};
//     };
//     SPIDERLING_MEASUREMENT(EcnMeasurement)
#pragma once

#include <any>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "spiderling/conditions.h"
#include "spiderling/connection.h"
#include "spiderling/headers/ip.h"
#include "spiderling/job.h"
#include "spiderling/merged_flow.h"
#include "spiderling/option_list.h"
#include "spiderling/plugin.h"
#include "spiderling/resolver.h"
#include "spiderling/task.h"

namespace spiderling {

/// A sysctl that a configuration needs for the whole host, by its name in /proc/sys: "net.ipv4.tcp_ecn".
struct HostSetting {
  std::string name;
  std::string value;
  /// The value is a number: its bits are set, and those that the setting has otherwise are left alone.
  bool adds_bits = false;
};

/// One way to connect to a target. Number 0 is the baseline (A), the others are what is tried (B, C, ...).
struct Configuration {
  Configuration() = default;
  explicit Configuration(std::string given_name) : name(std::move(given_name)) {}

  std::string name;      ///< for people: "ECN on"
  SocketSetup socket{};  ///< differs from socket to socket: connections of all configurations may run at once
  HttpVersion http = HttpVersion::http1;  ///< what is spoken where the mode is http or https
  /// Of the whole host: while these hold, connections of no other configuration run. Empty if the socket's
  /// own setup is enough, which is faster and leaves the host alone.
  std::vector<HostSetting> host{};
};

/// What a connection is made with: given to Measurement::connect(), one for each connection. Every wait ends
/// by the deadline, which is that of the connection. Event loop's thread only.
class Worker {
 public:
  virtual ~Worker() = default;

  virtual const Job& job() const = 0;
  /// Which configuration or connection: 0 is the baseline.
  virtual std::size_t run() const = 0;
  /// What pre_connect() gave.
  virtual const std::any& prepared() const = 0;
  virtual ConnectMode mode() const = 0;
  virtual std::uint16_t port() const = 0;

  /// Connects and says what the mode wants said: nothing for tcp, a request for http and https, a question
  /// for dnstcp and dnsudp. A connection that nobody answers is made again as often as the user wants
  /// (--repeat). Once.
  virtual Task<ConnectionRecord> connect() = 0;
  /// Connects, and no more, whatever the mode: with dnsudp nothing is sent. Once, instead of connect().
  virtual Task<ConnectionRecord> tcp_connect() = 0;
  /// After a connection stands: true when all of it was taken.
  virtual Task<bool> send(std::string_view bytes) = 0;
  /// At least one byte, at most so many; empty: the end, a failure or the deadline.
  virtual Task<std::string> receive(std::size_t most) = 0;

  /// The socket of the TCP connection that stands, else -1. It does not block, and is closed after
  /// post_connect(): whoever wants it longer takes a copy (dup(2)), which keeps the connection.
  virtual int socket() const { return -1; }
  /// The measurement connects by itself too, with sockets that the engine does not know: from now on flows
  /// from any port towards the job's address are observed. Which of them was it says `sp` of the connection's
  /// record; 0: none. Once, before the first packet of such a socket.
  virtual void connects_by_itself() {}
};

/// What a run is made with, for Measurement::prepare().
struct MeasurementRun {
  ConnectMode mode = ConnectMode::tcp;
  std::chrono::milliseconds timeout{5000};  ///< of one connection
  std::size_t workers = 1;                  ///< jobs whose connections are made at once
  std::string interface;                    ///< empty: not known
  std::string user_agent;                   ///< what requests of HTTP say
};

/// Has a function called in the thread of the event loop, soon.
using PostToLoop = std::function<void(std::function<void()>)>;

class ForgeMeasurement;
class ExpandMeasurement;

/// What all models share. A measurement derives from one of the models.
///
/// Thread-safety: one object serves a whole run, from the thread of the event loop only.
class Measurement {
 public:
  Measurement() = default;
  Measurement(const Measurement&) = delete;
  Measurement& operator=(const Measurement&) = delete;
  virtual ~Measurement() = default;

  /// Its own command line options.
  virtual void options(OptionList& /*list*/) {}
  /// What the whole host must have for as long as the run lasts, however its configurations come about. It is
  /// put back at the end, and if the program is killed. Empty: nothing, which leaves the host alone.
  virtual std::vector<HostSetting> host_settings() const { return {}; }
  /// Once, when its options are set and before it is asked for anything else but host_settings(). What it
  /// throws is why there is no run. Any thread.
  virtual void prepare(const MeasurementRun& /*run*/) {}
  /// Before the first job and after the last, also if the run was given up. `post` may be called from any
  /// thread until end() has returned.
  virtual void begin(PostToLoop /*post*/) {}
  virtual void end() {}
  /// Connections that may be made at once, if a measurement has its own limit.
  virtual std::size_t most_connections() const { return std::numeric_limits<std::size_t>::max(); }
  /// It draws no conditions: results always carry the flows.
  virtual bool shows_flows() const { return false; }
  /// It does itself what only root may: the program then keeps all rights, which it gives up otherwise.
  virtual bool keeps_privileges() const { return false; }
  /// Chains that no registry has, besides those that its description names.
  virtual std::vector<const ChainDescription*> own_chains() const { return {}; }
  /// It sets up the whole host by itself, in configure(): then configurations are tried one after the other,
  /// and while one of them holds no connection of another is made. What configure() throws ends the run.
  virtual bool configures() const { return false; }
  virtual Task<void> configure(std::size_t /*configuration*/) { co_return; }
  /// The connections of a job build on each other: they are made one after the other, number 0 first,
  /// whatever the user asks for.
  virtual bool in_order() const { return false; }
  /// Why this target cannot be asked at all: one line for a person. Empty: it can. Before each connection of
  /// the job; those of one that cannot be asked are skipped, with this reason.
  virtual std::string unsuitable(const Job& /*job*/) const { return {}; }
  /// Once a job, before its first connection; what it returns is given to every connection of the job.
  virtual Task<std::any> pre_connect(const Job& /*job*/) { co_return std::any{}; }
  /// One connection, while its configuration holds.
  virtual Task<ConnectionRecord> connect(Worker& worker) { return worker.connect(); }
  /// After the connection, when its configuration was let go, before its socket is closed.
  virtual Task<void> post_connect(Worker& /*worker*/, ConnectionRecord& /*record*/) { co_return; }
  /// A connection and its flow have been joined: the record may be given more fields, for the flow's result.
  /// Before combine(), once a connection.
  virtual void merge(const Job& /*job*/, std::size_t /*run*/, const MergedFlow& /*flow*/,
                     ConnectionRecord& /*record*/) const {}
  /// From the merged flows of a job, its conditions.
  virtual void combine(const MergedFlows& flows, Conditions& conditions) const = 0;
  /// What else the result says: after combine(), once a job, also where combine() was not asked. `members`
  /// are those of the job as the result has them (Job::members): any may be added or given another value.
  /// Fields of the records, one for each connection, may be added or taken away.
  virtual void conclude(const Job& /*job*/, std::span<ConnectionRecord* const> /*records*/,
                        std::string& /*members*/) const {}

  /// For the engine: how many connections a job has and how each is set up.
  virtual std::vector<Configuration> runs() const = 0;
  /// For the engine: not nullptr if packets are forged, where others connect.
  virtual const ForgeMeasurement* forger() const { return nullptr; }
  /// For the engine: not nullptr if jobs are expanded, and nothing is connected.
  virtual ExpandMeasurement* expander() { return nullptr; }
  const FlowFields& flow_fields() const { return flow_fields_; }

 protected:
  /// The fields of the flow record that combine() reads; each is declared with this.
  FlowFields flow_fields_;
};

/// A and B differ by configuration only: the same connection is made under each.
class SynchronizedMeasurement : public Measurement {
 public:
  virtual std::vector<Configuration> configurations() const = 0;
  std::vector<Configuration> runs() const final { return configurations(); }
};

/// A and B are different connections, told apart by Worker::run() in connect().
class DesynchronizedMeasurement : public Measurement {
 public:
  /// Each connection's name and its socket's setup.
  virtual std::vector<Configuration> connections() const = 0;
  std::vector<Configuration> runs() const final { return connections(); }
};

/// One connection, nothing to compare it with.
class SingleMeasurement : public Measurement {
 public:
  virtual Configuration configuration() const { return Configuration("the only one"); }
  std::vector<Configuration> runs() const final { return {configuration()}; }
};

/// What a forged packet is sent between; both ends are reserved for it.
struct ForgedEnds {
  IpAddress sip;  ///< of the version of `dip`
  IpAddress dip;
  std::uint16_t sp = 0;
  std::uint16_t dp = 0;
  ConnectMode mode = ConnectMode::tcpsyn;  ///< of the run
};

/// No connection but single packets of the measurement's own making, one for each of packets(); what they are
/// answered is for the observer's chains to see. Worker::connect() sends the packet and waits until it is
/// answered, an ICMP error included, or the time is up: the connection is ok once the packet was sent. One
/// that nobody answered is forged again, from another port, as often as the user wants (--repeat).
/// What answers a forged segment of TCP the kernel does not reset, as long as it matters.
///
///     std::vector<std::uint8_t> forge(const Job&, std::size_t seq, const ForgedEnds& ends) const override {
///       PacketBuffer<100> packet;  // of <spiderling/builder.h>
///       packet.ip4({.source = ends.sip, .destination = ends.dip, .reserved_flag = seq == 1})
///           .udp({.source_port = ends.sp, .destination_port = ends.dp})
///           .payload("?");
///       const auto bytes = packet.finish();
///       return bytes ? std::vector(bytes->begin(), bytes->end()) : std::vector<std::uint8_t>();
///     }
class ForgeMeasurement : public Measurement {
 public:
  /// Each packet's name and its socket's setup. A DSCP there chooses only the route: the packet has its own.
  virtual std::vector<Configuration> packets() const = 0;
  /// Of all its packets: TCP or UDP.
  virtual IpProtocol protocol(ConnectMode mode) const = 0;
  /// Where a job names no port.
  virtual std::uint16_t port(ConnectMode mode) const { return default_port(mode); }
  /// Packet `seq` for a job: a whole one, from the first byte of its IP header. It leaves as it is; the
  /// kernel only fills in the checksum of an IPv4 header, and an identification of 0. One whose addresses,
  /// ports or protocol are others than those reserved is refused, and so is one of a wrong length or with a
  /// route of its own: then nothing is sent, and the connection is discarded.
  virtual std::vector<std::uint8_t> forge(const Job& job, std::size_t seq, const ForgedEnds& ends) const = 0;

  std::vector<Configuration> runs() const final { return packets(); }
  const ForgeMeasurement* forger() const final { return this; }
};

/// What one job became.
struct Expansion {
  std::vector<Job> jobs;  ///< none: the job came to nothing
  /// Why it came to nothing, for the run's last line, where jobs are counted by it: a few words, of which
  /// there are few.
  std::string reason;
  std::size_t left_out = 0;  ///< jobs that there could have been besides
  bool incomplete = false;   ///< there are jobs, and there may be more that could not be found out
};

/// A job in, jobs out: nothing is connected, nothing observed, no privilege needed. What comes out is a list
/// of jobs for another measurement.
///
///     class Www : public ExpandMeasurement {
///      public:
///       static constexpr const char* name = "www";
///       static constexpr const char* description = "The first address of www.DOMAIN.";
///       static constexpr const char* version = "1.0.0";
///
///       Task<Expansion> expand(const Job& job, Resolver& resolver) override {
///         const ResolvedName found = co_await resolver.resolve("www." + job.domain);
///         Expansion expansion;
///         expansion.reason = name_of(found.state);
///         if (!found.addresses.empty()) expansion.jobs.push_back(job.at(found.addresses.front()));
///         co_return expansion;
///       }
///     };
class ExpandMeasurement : public Measurement {
 public:
  static constexpr std::array<const char*, 0> chains{};
  static constexpr std::array<ConnectMode, 0> connect_supported{};

  /// Thousands run at once. `job` and `resolver` outlive the task. One that throws has come to nothing.
  virtual Task<Expansion> expand(const Job& job, Resolver& resolver) = 0;

  std::vector<Configuration> runs() const final { return {}; }
  void combine(const MergedFlows& /*flows*/, Conditions& /*conditions*/) const final {}
  ExpandMeasurement* expander() final { return this; }
};

/// A measurement as the program sees it: made by describe_measurement() from the class that a user writes.
struct MeasurementDescription {
  const char* name;
  const char* description;
  const char* version;
  std::span<const char* const> chains;
  std::span<const ConnectMode> connect_supported;  ///< the first is the default
  std::span<const ConditionMeaning> conditions;    ///< that it may give; empty: it does not say
  /// False: its pre_connect(), connect() and post_connect() are those of Measurement, and the engine goes a
  /// shorter way.
  bool has_own_connect;
  std::function<std::unique_ptr<Measurement>()> create;  ///< throws what its constructor throws
};

namespace detail {
// A function that is not overridden is still the base class's member.
template <class M>
constexpr bool has_own_connect() {
  if constexpr (requires { &M::pre_connect, &M::connect, &M::post_connect; }) {
    return !(std::is_same_v<decltype(&M::pre_connect), decltype(&Measurement::pre_connect)> &&
             std::is_same_v<decltype(&M::connect), decltype(&Measurement::connect)> &&
             std::is_same_v<decltype(&M::post_connect), decltype(&Measurement::post_connect)>);
  } else {
    return true;  // private or overloaded
  }
}
}  // namespace detail

namespace detail {
template <class M>
constexpr auto condition_meanings_of() {
  if constexpr (requires { std::span<const ConditionMeaning>(M::condition_meanings); })
    return M::condition_meanings;
  else
    return std::array<ConditionMeaning, 0>{};
}
}  // namespace detail

/// `Anchor`: a type of the file that registers the measurement, see SPIDERLING_PLUGIN.
template <class M, class Anchor = void>
const MeasurementDescription& describe_measurement() {
  static_assert(std::is_base_of_v<Measurement, M>, "a measurement derives from one of the models, publicly");
  static_assert(std::is_default_constructible_v<M>, "a measurement has a constructor without arguments");
  // Copies: those of the class may be another plugin's, if it has a class of the same name.
  static constexpr auto chains = M::chains;
  static constexpr auto connect_supported = M::connect_supported;
  static constexpr auto condition_meanings = detail::condition_meanings_of<M>();
  static const MeasurementDescription description{
      M::name,
      M::description,
      M::version,
      chains,
      connect_supported,
      condition_meanings,
      detail::has_own_connect<M>(),
      []() -> std::unique_ptr<Measurement> { return std::make_unique<M>(); },
  };
  return description;
}

}  // namespace spiderling

/// Registers a measurement. At namespace scope, one a line; it needs no header of its own.
#define SPIDERLING_MEASUREMENT(MeasurementClass)                                   \
  SPIDERLING_PLUGIN(::spiderling::PluginKind::measurement, MeasurementClass::name, \
                    MeasurementClass::version,                                     \
                    (::spiderling::describe_measurement<MeasurementClass, Anchor>()))
