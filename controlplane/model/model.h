// What the cluster should look like, with memory: what is leaving and until when, and the numbers
// by which packets in flight know services and reals.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/addresses.h"
#include "common/result.h"
#include "common/snapshot.h"
#include "controlplane/config/config.h"
#include "controlplane/model/id_pool.h"

namespace vipgate {

struct ServiceKey {
  IpAddress vip;
  uint16_t port = 0;  // the first one, of several
  Protocol protocol = Protocol::kTcp;
  ServiceExtent extent{};
  friend bool operator==(const ServiceKey&, const ServiceKey&) = default;
  friend auto operator<=>(const ServiceKey&, const ServiceKey&) = default;
};

// REQUIRES: it has a VIP.
ServiceKey key_of(const ServiceConfig& service);

ServiceKey key_of(const Snapshot& snapshot, uint32_t service);

// "11.0.0.1:80/tcp", "11.0.0.0/24:any/udp"
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
  uint32_t quic_id = 0;         // see RealConfig
  int64_t gone_at_s = kNever;   // kNever: it is configured
  // Slow start: tenths of the weight that it has so far, since when, and when it has more.
  uint32_t ramp = kFullRamp;
  int64_t ramp_from_s = 0;
  int64_t ramps_at_s = kNever;

  static constexpr uint32_t kFullRamp = 10;
  bool takes_flows() const { return state == RealState::kUp && weight != 0; }
};

struct ModelService {
  ServiceConfig config;  // the last one seen, without its reals
  uint32_t index = 0;
  uint32_t flow_id = 0;
  std::map<RealKey, ModelReal> reals;
  int64_t gone_at_s = kNever;  // kNever: it is configured, and its name resolves
  // Its name has moved to another VIP: until then this one takes new flows as before.
  int64_t refuses_at_s = kNever;
  int64_t due_s = kNever;  // when something of it is to be dropped
  bool is_configured() const { return gone_at_s == kNever; }
  // Whether a new flow has where to go.
  bool has_takers() const {
    return std::any_of(reals.begin(), reals.end(),
                       [](const auto& real) { return real.second.takes_flows(); });
  }
};

// A service as the sources and the health checks together want it.
struct DesiredService {
  ServiceConfig config;
  std::set<RealKey> down;    // those of its reals that are to get nothing
  bool is_in_panic = false;  // too few are up: none is down
};
// By what changed; nothing: no source wants the service any longer.
using DesiredChanges = std::map<ServiceKey, std::optional<DesiredService>>;

// A real of a service that has another state; nothing: it is gone.
struct RealChange {
  ServiceKey service;
  RealKey real;
  std::optional<RealState> state;
};

// Since they were last taken, in the order in which they came about: the first kMost of them.
struct RealChanges {
  static constexpr size_t kMost = 1000;
  std::vector<RealChange> first;
  size_t more = 0;
};

// Of one update, for the log.
struct ModelChange {
  size_t services_added = 0, services_removed = 0, services_changed = 0;
  size_t reals_added = 0, reals_removed = 0, reals_changed = 0;
  ModelChange& operator+=(const ModelChange& other);
};

struct ModelRules {
  uint32_t dns_ttl_s = 0;
  Limits limits;  // of what is configured; what is leaving does not count
  // Whether a service may be served at all, beside what is in use already. Empty: all may.
  std::function<Status(const ServiceKey&, const ServiceConfig&)> accepts;
};

// A value. One control thread. Times are monotonic seconds.
class Model {
 public:
  Model();

  // Makes `config` the whole of what should be. An error: it does not fit; nothing has changed.
  // What it no longer has leaves as in apply(), but for a VIP that becomes a DNS address: that is
  // given up at once.
  Result<ModelChange> update(const Config& config, int64_t now_s);

  // Whether apply() would refuse nothing; else what it would refuse first.
  Status check(const DesiredChanges& changes, const ModelRules& rules, int64_t now_s) const;

  // What is no longer wanted leaves by itself: a real stays as draining for drain_s; a service
  // without its name for the DNS TTL or drain_s, whichever is longer, refusing new flows. When its
  // name only moves to another VIP, by these changes, clients still know this one for the TTL: it
  // goes on taking new flows for so long. What comes back meanwhile goes on under its ids. What
  // does not fit is refused, and costs nothing else: see refused().
  ModelChange apply(const DesiredChanges& changes, const ModelRules& rules, int64_t now_s);

  // Gives a service up at once.
  void drop(const ServiceKey& key, int64_t now_s);
  // Drops what has left in the meantime. True: something did.
  bool advance(int64_t now_s);
  // When advance() will next have something to drop; kNever.
  int64_t next_deadline_s() const { return due_.empty() ? kNever : due_.begin()->first; }

  const std::map<ServiceKey, ModelService>& services() const { return services_; }
  const ModelService* find(const ServiceKey& key) const;
  // Those that are not, or not wholly, served as they are wanted: one sentence for each.
  const std::map<ServiceKey, std::string>& refused() const { return refused_; }
  // Services that differ from what they were at the last call: changed, new or gone.
  std::set<ServiceKey> take_dirty() { return std::exchange(dirty_, {}); }

  RealChanges take_real_changes() { return std::exchange(real_changes_, {}); }

  // Indices of services and reals are below these, which never become less.
  uint32_t service_slots() const { return service_ids_.end(); }
  uint32_t real_slots() const { return real_ids_.end(); }
  // Numbers of what is served, or was within the quarantine: each is given out again only after it.
  struct Numbers {
    std::string_view of;
    uint64_t taken = 0, most = 0;
  };
  std::array<Numbers, 4> numbers(int64_t now_s) const;
  size_t configured_services() const { return configured_services_; }
  size_t configured_reals() const { return configured_reals_; }

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
  class Room;

  struct Leaving {
    uint32_t dns_ttl_s = 0;
    bool name_moves = false;
  };
  void let_go(const ServiceKey& key, ModelService& service, const Leaving& leaving, int64_t now_s,
              ModelChange& change);
  void refuse_new_flows(const ServiceKey& key, ModelService& service);
  void let_reals_go(const ServiceKey& key, ModelService& service, const ServiceConfig& config,
                    int64_t now_s, ModelChange& change);
  void update_service(const ServiceKey& key, const DesiredService& wanted, Room& room,
                      int64_t now_s, ModelChange& change);
  // True: it differs from what it was.
  bool update_real(const ServiceKey& key, ModelService& service, const RealConfig& config,
                   bool is_down, int64_t now_s, ModelChange& change);
  void note_change(const ServiceKey& key, const RealKey& real, std::optional<RealState> state);
  void refuse(const ServiceKey& key, const std::string& why);
  void set_due(const ServiceKey& key, ModelService& service);
  Services::iterator erase(Services::iterator service, int64_t now_s);
  Reals::iterator erase(const ServiceKey& key, ModelService& service, Reals::iterator real,
                        int64_t now_s);
  // Of one family.
  struct FlowIds {
    IdPool narrow;
    IdPool wide{kWideFlowId, UINT32_MAX - 2};
    // REQUIRES: there is one left (Room).
    uint32_t take(bool must_be_wide, int64_t now_s);
    void give_back(uint32_t id, int64_t now_s);
  };
  FlowIds& flow_ids(const IpAddress& vip) { return vip.is_v4() ? flow_ids_v4_ : flow_ids_v6_; }

  Services services_;
  std::map<ReturnKey, ReturnId> return_ids_;
  std::set<std::pair<int64_t, ServiceKey>> due_;  // services by due_s
  std::map<ServiceKey, std::string> refused_;
  std::set<ServiceKey> dirty_;
  RealChanges real_changes_;
  size_t configured_services_ = 0;
  size_t configured_reals_ = 0;
  IdPool service_ids_;
  IdPool real_ids_;
  FlowIds flow_ids_v4_;
  FlowIds flow_ids_v6_;
};

// The index of a service; kNone: there is none such.
uint32_t index_of(const Model& model, const ServiceKey& key);

}  // namespace vipgate
