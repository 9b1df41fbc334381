// What the cluster should look like, with memory: what is leaving and until when, and the numbers
// by which packets in flight know services and reals.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "common/addresses.h"
#include "common/result.h"
#include "common/snapshot.h"
#include "controlplane/config.h"
#include "controlplane/id_pool.h"

namespace vipgate {

struct ServiceKey {
  IpAddress vip;
  uint16_t port = 0;
  Protocol protocol = Protocol::kTcp;
  friend bool operator==(const ServiceKey&, const ServiceKey&) = default;
  friend auto operator<=>(const ServiceKey&, const ServiceKey&) = default;
};

// "11.0.0.1:80/tcp"
std::string to_string(const ServiceKey& key);

struct RealKey {
  IpAddress address;
  uint16_t port = 0;
  friend bool operator==(const RealKey&, const RealKey&) = default;
  friend auto operator<=>(const RealKey&, const RealKey&) = default;
};

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

struct ModelReal {
  uint32_t weight = 0;
  RealState state = RealState::kUp;
  IdPool::Id id;
  uint32_t return_flow_id = 0;  // 0: was never a real of a `nat` service
  int64_t gone_at_s = kNever;   // kNever: it is configured
};

struct ModelService {
  ServiceConfig config;  // the last one seen, without its reals
  uint32_t index = 0;
  uint32_t flow_id = 0;
  std::map<RealKey, ModelReal> reals;
  int64_t gone_at_s = kNever;  // kNever: it is configured, and its name resolves
  bool is_configured() const { return gone_at_s == kNever; }
};

// Of one update, for the log.
struct ModelChange {
  size_t services_added = 0, services_removed = 0, services_changed = 0;
  size_t reals_added = 0, reals_removed = 0, reals_changed = 0;
};

// A value: to change it or else leave it as it is, change a copy. One control thread. Times are
// monotonic seconds.
class Model {
 public:
  Model();

  // Makes `config` what should be. What it no longer has leaves by itself: a real stays as draining
  // for drain_s; a service without its name for the DNS TTL or drain_s, whichever is longer,
  // refusing new flows. What comes back meanwhile goes on under its ids.
  // An error (the ids have run out) leaves the model half changed: throw it away.
  Result<ModelChange> update(const Config& config, int64_t now_s);

  // Drops what has left in the meantime. True: something did.
  bool advance(int64_t now_s);
  // When advance() will next have something to drop; kNever.
  int64_t next_deadline_s() const;

  const std::map<ServiceKey, ModelService>& services() const { return services_; }
  // Indices of services and reals are below these, which never become less.
  uint32_t service_slots() const { return service_ids_.end(); }
  uint32_t real_slots() const { return real_ids_.end(); }

 private:
  // `nat`: a real's own endpoint.
  struct ReturnKey {
    RealKey real;
    Protocol protocol;
    friend auto operator<=>(const ReturnKey&, const ReturnKey&) = default;
  };
  struct ReturnId {
    uint32_t flow_id = 0;
    uint32_t users = 0;
  };

  using Services = std::map<ServiceKey, ModelService>;
  using Reals = std::map<RealKey, ModelReal>;

  Status update_service(const ServiceKey& key, const ServiceConfig& config, int64_t now_s,
                        ModelChange& change);
  Status update_real(const ServiceKey& key, ModelService& service, const RealConfig& config,
                     int64_t now_s, ModelChange& change);
  Status give_return_id(const ServiceKey& key, const RealKey& real_key, ModelReal& real,
                        int64_t now_s);
  void let_go(ModelService& service, uint32_t dns_ttl_s, int64_t now_s, ModelChange& change);
  Result<uint32_t> take_flow_id(const IpAddress& vip, int64_t now_s);
  Services::iterator erase(Services::iterator service, int64_t now_s);
  Reals::iterator erase(const ServiceKey& key, ModelService& service, Reals::iterator real,
                        int64_t now_s);
  IdPool& flow_ids(const IpAddress& vip) { return vip.is_v4() ? flow_ids_v4_ : flow_ids_v6_; }

  Services services_;
  std::map<ReturnKey, ReturnId> return_ids_;
  IdPool service_ids_;
  IdPool real_ids_;
  IdPool flow_ids_v4_;
  IdPool flow_ids_v6_;
};

}  // namespace vipgate
