// What the configuration says of services, as plain values with the defaults of everything that it
// leaves out; and what other sources of services say in its words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/addresses.h"
#include "common/admission.h"
#include "common/service.h"
#include "common/tunnel.h"

namespace vipgate {

// 1-based; line 0 means "not from a file".
struct SourcePosition {
  int line = 0;
  int column = 0;

  // Where something stands is not part of what it says: two configurations that differ only in
  // layout are equal.
  friend bool operator==(const SourcePosition&, const SourcePosition&) { return true; }
};

enum class Track : uint8_t {
  kAlways,      // every flow has an entry
  kWhenNeeded,  // those of Maglev rows that may get another real
};
enum class Affinity : uint8_t {
  kNone,
  kSource,  // a client's new flows go where its last ones went
};
enum class Prefer : uint8_t { kNone, kZone };
enum class Origin : uint8_t { kYaml, kRest, kMesos };  // the earlier one decides on policy

// Seconds.
struct Timeouts {
  uint16_t tcp_embryonic_s = 10;
  uint16_t tcp_established_s = 3600;
  uint16_t tcp_closing_s = 10;
  uint16_t udp_s = 60;
  uint16_t udp_one_way_s = 15;
  uint16_t drain_s = 300;
  uint16_t affinity_s = 300;
  bool operator==(const Timeouts&) const = default;
};

enum class HealthType : uint8_t { kNone, kTcp, kHttp, kHttps, kDns, kGrpc };

// How reals are asked whether they are alive.
struct HealthConfig {
  HealthType type = HealthType::kNone;
  uint16_t interval_s = 5;
  uint16_t timeout_ms = 1000;
  uint8_t rise = 2;        // answers in a row that make a real up
  uint8_t fall = 3;        // failures in a row that make it down
  uint16_t port = 0;       // 0: the real's own
  std::string path = "/";  // http, https
  std::string host;  // http, https: the Host header; empty: address:port. dns: the name asked for
  uint16_t status_min = 200, status_max = 399;  // http, https
  bool verify = false;  // https: the certificate, by the system's authorities
  // Percent of a service's reals; when fewer are up, all are used: the checks are likelier wrong.
  uint8_t panic_percent = 0;
  bool operator==(const HealthConfig&) const = default;
};

// Which of its reals a service gives new flows to.
struct LocalityPreference {
  Prefer prefer = Prefer::kNone;
  // Percent of the reals in the gateway's zone; when fewer are up, all reals get new flows.
  uint8_t spill_below_percent = 50;
  bool operator==(const LocalityPreference&) const = default;
};

// How a service treats its traffic and its reals.
struct ServicePolicy {
  Mode mode = Mode::kFullnat;
  std::string snat_pool = "default";
  TunnelOptions tunnel;
  uint32_t maglev_rows = 0;  // 0: auto
  NoReal no_real = NoReal::kReject;
  std::string fallback;  // the name of a service: with NoReal::kFallback, of services alone
  HashFields hash = HashFields::kFiveTuple;
  ClientAddress client_address = ClientAddress::kHidden;  // of `fullnat` over TCP
  Affinity affinity = Affinity::kNone;
  AdmissionRules admission;   // affinity_s comes from `affinity` and the time-outs
  uint16_t slow_start_s = 0;  // in which a real's weight grows to its whole; 0: at once
  Track track = Track::kAlways;
  LocalityPreference locality;
  HealthConfig health;
  bool operator==(const ServicePolicy&) const = default;
};

struct Defaults : ServicePolicy {
  UnservedPort unserved_port = UnservedPort::kDrop;
  bool operator==(const Defaults&) const = default;
};

struct RealConfig {
  IpAddress address;
  uint16_t port = 0;    // 0: the one that the client asked for, of a service with several
  uint16_t weight = 1;  // 0: gets no new flows
  SourcePosition position;
  bool is_local = false;  // in the gateway's own zone: see locality.h
  // That stands in the QUIC connection ids which it gives: with ServiceConfig::quic; 0: none.
  uint32_t quic_id = 0;
  bool operator==(const RealConfig&) const = default;
};

// The defaults are already applied: every field holds what is in force for this service.
struct ServiceConfig : ServicePolicy {
  std::string name;   // lower case, relative to the services zone
  IpAddress vip;      // none with `vip_auto`, until the VipAllocator has given one
  uint16_t port = 0;  // the first one, of several
  ServiceExtent extent;
  Protocol protocol = Protocol::kTcp;
  Timeouts timeouts;
  Origin origin = Origin::kYaml;
  bool vip_auto = false;  // `vip: auto`: the address comes from the VipAllocator, by name
  bool quic = false;      // UDP: connection ids may name the real
  std::vector<RealConfig> reals;
  // With Track::kWhenNeeded: those that are starting, as far as their sources tell.
  std::vector<RealConfig> coming;
  SourcePosition position;
  bool operator==(const ServiceConfig&) const = default;
};

}  // namespace vipgate
