// The services that were made by the API: documents in the language of the configuration's
// `services`, kept as they were given, so that what they leave out follows the configuration.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/config/yaml_reader.h"
#include "controlplane/loop/source_change.h"
#include "controlplane/model/fallbacks.h"
#include "controlplane/model/model.h"
#include "controlplane/rest/service_index.h"
#include "controlplane/store/state_store.h"

namespace vipgate {

// "11.0.0.1:80:tcp", "[fd01::1]:53:udp", "11.0.0.0/24:any:udp": what the API calls a service.
std::string service_id(const ServiceKey& key);

// What is wrong with one field of a document: its path, and a sentence that tells the mend.
struct FieldError {
  std::string field;
  std::string detail;
};

// Why nothing was changed. `status` is an HTTP status code (RFC 9110 15).
struct RestProblem {
  int status = 422;
  std::string detail;
  std::vector<FieldError> errors;
};

struct RestService {
  ServiceKey key;
  YamlNodePtr document;
  std::string json;  // the document
  ServiceConfig config;
  std::optional<ServiceKey> fallback;
  uint64_t digest = 0;  // of its id and its document
};

using RestServiceMap = std::map<std::string, RestService>;  // by service_id()

// A change that was looked at and found good; nothing is changed by it until adopt(). Ids.
struct RestPlan {
  RestServiceMap services;  // those that are added or changed, as they will be
  std::vector<std::string> added;
  std::vector<std::string> changed;
  std::vector<std::string> removed;
  // Of one service, by whose address no other one's changes.
  bool is_alone = false;
};

template <class T>
using RestResult = std::variant<T, RestProblem>;

// Owned and called by the control thread. The configuration is the one in force, of whose services
// nothing is read. A change of one service costs what it changes.
class RestServices {
 public:
  // Who knows the addresses of `vip: auto`.
  struct Addresses {
    // Gives each `vip: auto` of the configuration's services its address, or says why it has none.
    std::function<Status(Config&)> resolve;
    // The address of one in the place of another; null: there was none, or will be none. Nothing:
    // the address of a further one may change with it. May be empty: it always may.
    std::function<std::optional<IpAddress>(const ServiceConfig* before, const ServiceConfig* after)>
        resolve_alone;
  };

  explicit RestServices(Addresses addresses) : addresses_(std::move(addresses)) {}

  // The file's services, which have their addresses: what falls back on another service finds it
  // among those of the API, or where none of them has the name, among these.
  void set_file_services(const std::vector<ServiceConfig>& services);

  // What becomes of a service whose fallback cannot be found.
  enum class LostFallback { kIsRefused, kIsServedWithout };
  // All services: `{services: [document, …]}`, or the list alone.
  RestResult<RestPlan> plan_all(const YamlNodePtr& root, const Config& config,
                                LostFallback lost = LostFallback::kIsRefused) const;
  // One service, new or instead of the one of its id. With `id` it must be that one's.
  RestResult<RestPlan> plan_one(const YamlNodePtr& document, const std::string& id,
                                const Config& config) const;
  // 404: there is none.
  RestResult<RestPlan> plan_removal(const std::string& id, const Config& config) const;

  // What the plan means for the reconciler, and for the store.
  SourceChange change_of(const RestPlan& plan) const;
  std::vector<StoreWrite> writes_of(const RestPlan& plan) const;
  void adopt(RestPlan plan);
  // Another number whenever the documents may have changed.
  uint64_t revision() const { return revision_; }

  // Reads the documents anew, as the configuration has changed. What no longer fits stays as it
  // was, but for a fallback that is gone; `problems` gets a sentence for each.
  RestPlan plan_anew(const Config& config, std::vector<std::string>& problems) const;

  // What an earlier start has stored. What cannot be served, or not with its fallback, stays
  // stored; `problems` tells of it.
  RestPlan plan_restored(const std::map<std::string, std::string>& rows, const Config& config,
                         std::vector<std::string>& problems) const;

  const RestServiceMap& services() const { return services_; }
  static constexpr std::string_view kSpace = "rest_services";  // of the store

  // Strong entity tags (RFC 9110 8.8.3), of one service and of all: the same whenever the documents
  // are.
  static std::string etag(const RestService& service);
  std::string etag() const;
  // The tag that the service has after the plan.
  std::string etag_after(const RestPlan& plan, const std::string& id) const;

 private:
  RestResult<RestPlan> plan(const std::vector<YamlNodePtr>& documents, const YamlNode& blamed,
                            const Config& config, LostFallback lost) const;
  RestResult<RestPlan> plan_beside(RestService read, const Config& config) const;
  std::optional<IpAddress> address_alone(const ServiceConfig* before,
                                         const ServiceConfig* after) const;
  // Those of the API with the name, but for that of the id `replaced`, and with `added`, if it is
  // not null and has the name.
  Fallbacks fallbacks(const ServiceConfig* added, const std::string& replaced) const;
  Fallbacks fallbacks_among(const std::vector<ServiceConfig>& all) const;
  std::vector<const ServiceConfig*> file_services(const std::string& name) const;
  std::set<std::string> dependents(const ServiceConfig* before, const ServiceConfig* after) const;
  std::optional<RestProblem> fallback_problem(const Fallbacks& fallbacks,
                                              const std::set<std::string>& dependents,
                                              const ServiceConfig* read) const;
  void note_dependents(RestPlan& plan, const Fallbacks& fallbacks,
                       const std::set<std::string>& dependents) const;
  static void tell_lost_fallbacks(const RestPlan& plan, std::vector<std::string>& problems);
  std::vector<YamlNodePtr> documents_without(const std::string& id) const;
  // Of the service that one that was read by itself is, or is to replace; empty: of none.
  std::string id_of_same(const RestService& read) const;
  const RestService* find(const std::string& id) const;
  void note(RestPlan& plan, RestService service) const;
  RestPlan plan_good(std::vector<std::string> jsons, const Config& config,
                     std::map<size_t, std::string>& refused) const;

  Addresses addresses_;
  RestServiceMap services_;
  uint64_t revision_ = 0;
  ServiceIndex index_;  // of services_
  // By name; they have no reals, and fall back on none.
  std::multimap<std::string, ServiceConfig> file_services_;
  uint64_t digests_ = 0;  // the sum of theirs
};

}  // namespace vipgate
