#include "controlplane/rest/rest_services.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <set>
#include <unordered_map>

#include "controlplane/config/config_check.h"
#include "controlplane/config/config_reader_services.h"
#include "controlplane/config/config_section.h"
#include "controlplane/naming/sha1.h"
#include "controlplane/rest/json_document.h"

namespace vipgate {
namespace {

constexpr std::string_view kServicesKey = "services";

YamlNodePtr text_node(std::string_view text) {
  auto node = std::make_shared<YamlNode>();
  node->kind = YamlNode::Kind::kScalar;
  node->scalar = text;
  return node;
}

// {services: [documents]}
YamlNodePtr root_of(std::vector<YamlNodePtr> documents) {
  auto list = std::make_shared<YamlNode>();
  list->kind = YamlNode::Kind::kList;
  list->children = std::move(documents);
  auto root = std::make_shared<YamlNode>();
  root->kind = YamlNode::Kind::kMap;
  root->children = {text_node(kServicesKey), std::move(list)};
  return root;
}

RestProblem problem_of(const Diagnostics& diagnostics, const YamlNode& blamed) {
  RestProblem problem;
  problem.detail = "the document is wrong; nothing was changed";
  std::vector<SourcePosition> positions;
  for (const Diagnostics::Entry& entry : diagnostics.entries()) positions.push_back(entry.position);
  const std::vector<std::string> fields = fields_at(blamed, positions);
  for (size_t i = 0; i < fields.size(); ++i) {
    problem.errors.push_back({fields[i], diagnostics.entries()[i].message});
  }
  return problem;
}

uint64_t digest(std::string_view text) {
  const auto octets = sha1(text);
  uint64_t value = 0;
  std::memcpy(&value, octets.data(), sizeof value);
  return value;
}

std::string tag_of(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "\"%016llx\"", static_cast<unsigned long long>(value));
  return text;
}

// Documents that were read before, and are not again: whenever the configuration changes,
// plan_anew() makes new ones.
using ReadBefore = std::unordered_map<const YamlNode*, const RestService*>;

using FallbacksAmong = std::function<Fallbacks(const std::vector<ServiceConfig>& all)>;

// The configuration with the documents as its services, looked at and found good; addresses are not
// given out. Where the fallbacks lead is not looked at without `fallbacks`, of all services.
RestResult<Config> read_documents(const std::vector<YamlNodePtr>& documents, const YamlNode& blamed,
                                  const Config& config, const ReadBefore& read_before,
                                  const ServicesBeside& beside,
                                  const FallbacksAmong& fallbacks_among = {}) {
  Diagnostics diagnostics("body");
  Config trial = config;
  trial.services.clear();
  const YamlNodePtr root = root_of(documents);
  std::vector<YamlNodePtr> unread;
  for (const YamlNodePtr& each : documents) {
    if (!read_before.contains(each.get())) unread.push_back(each);
  }
  const YamlNodePtr unread_root = root_of(std::move(unread));
  Section section({&diagnostics, nullptr, nullptr}, unread_root.get(), "");
  read_services(section, trial);
  section.finish();
  if (diagnostics.ok()) {
    std::vector<ServiceConfig> all;
    all.reserve(documents.size());
    auto next = trial.services.begin();
    for (const YamlNodePtr& each : documents) {
      const auto known = read_before.find(each.get());
      if (known != read_before.end()) {
        all.push_back(known->second->config);
      } else {
        all.push_back(std::move(*next++));
      }
    }
    trial.services = std::move(all);
    check_services_alone(trial, *root, diagnostics, beside);
    if (fallbacks_among) {
      check_fallbacks(trial, *root, fallbacks_among(trial.services), diagnostics);
    }
  }
  if (!diagnostics.ok()) return problem_of(diagnostics, blamed);
  return trial;
}

RestProblem twice(const std::string& id) {
  return {422, "the service " + id + " is there twice; nothing was changed", {}};
}

}  // namespace

std::string service_id(const ServiceKey& key) {
  std::string id = to_string(key);
  id[id.rfind('/')] = ':';
  return id;
}

const RestService* RestServices::find(const std::string& id) const {
  const auto found = services_.find(id);
  return found == services_.end() ? nullptr : &found->second;
}

// `service` has all but its text.
void RestServices::note(RestPlan& plan, RestService service) const {
  const std::string id = service_id(service.key);
  const RestService* known = find(id);
  const bool is_same = known != nullptr && known->document == service.document;
  const bool is_alike =
      known != nullptr && known->config == service.config && known->fallback == service.fallback;
  if (is_same && is_alike) return;
  service.json = is_same ? known->json : to_json(*service.document);
  if (known == nullptr) {
    plan.added.push_back(id);
  } else if (known->json != service.json || !is_alike) {
    plan.changed.push_back(id);
  } else {
    return;
  }
  service.digest = digest(id + '\n' + service.json);
  plan.services.insert_or_assign(id, std::move(service));
}

RestResult<RestPlan> RestServices::plan(const std::vector<YamlNodePtr>& documents,
                                        const YamlNode& blamed, const Config& config,
                                        LostFallback lost) const {
  ReadBefore read_before;
  for (const auto& [id, service] : services_) {
    read_before.emplace(service.document.get(), &service);
  }
  FallbacksAmong fallbacks_of_all;
  if (lost == LostFallback::kIsRefused) {
    fallbacks_of_all = [this](const auto& all) { return fallbacks_among(all); };
  }
  auto read = read_documents(documents, blamed, config, read_before, {}, fallbacks_of_all);
  if (auto* problem = std::get_if<RestProblem>(&read)) return std::move(*problem);
  Config& trial = std::get<Config>(read);
  for (ServiceConfig& service : trial.services) service.origin = Origin::kRest;
  if (auto status = addresses_.resolve(trial); !status) return RestProblem{409, status.error(), {}};

  std::vector<std::optional<ServiceKey>> leads_to;
  const Fallbacks found = fallbacks_among(trial.services);
  for (const ServiceConfig& service : trial.services) leads_to.push_back(found.key(service));
  RestPlan plan;
  std::set<ServiceKey> keys;
  for (size_t i = 0; i < trial.services.size(); ++i) {
    RestService service;
    service.config = std::move(trial.services[i]);
    service.key = key_of(service.config);
    service.document = documents[i];
    service.fallback = leads_to[i];
    if (!keys.insert(service.key).second) return twice(service_id(service.key));
    note(plan, std::move(service));
  }
  for (const auto& [id, service] : services_) {
    if (!keys.contains(service.key)) plan.removed.push_back(id);
  }
  return plan;
}

RestResult<RestPlan> RestServices::plan_all(const YamlNodePtr& root, const Config& config,
                                            LostFallback lost) const {
  const YamlNode* list = root.get();
  if (root->kind == YamlNode::Kind::kMap) {
    list = find_key(*root, kServicesKey);
    if (list == nullptr || root->children.size() != 2) {
      return RestProblem{
          422,
          "a map of one key stands here: services, a list of services; nothing was changed",
          {}};
    }
  }
  if (list->kind != YamlNode::Kind::kList) {
    return RestProblem{422,
                       "the body is " + std::string(kind_name(*list)) +
                           "; write a list of services, or a map with it under services",
                       {}};
  }
  return plan(list->children, *root, config, lost);
}

// The address of a name that is given out depends on the names beside it.
std::string RestServices::id_of_same(const RestService& read) const {
  if (!read.config.vip_auto) return service_id(read.key);
  const std::string* id = index_.same_label(read.config);
  return id != nullptr && services_.at(*id).config.vip_auto ? *id : std::string();
}

RestResult<RestPlan> RestServices::plan_one(const YamlNodePtr& document, const std::string& id,
                                            const Config& config) const {
  // Its own fields are named as they stand in the document.
  auto read = read_documents({document}, *document, config, {}, {});
  if (auto* problem = std::get_if<RestProblem>(&read)) return std::move(*problem);
  RestService alone;
  alone.config = std::move(std::get<Config>(read).services.front());
  alone.config.origin = Origin::kRest;
  alone.key = key_of(alone.config);
  alone.document = document;
  auto planned = plan_beside(std::move(alone), config);
  const auto* good = std::get_if<RestPlan>(&planned);
  if (good == nullptr || id.empty()) return planned;
  const auto at = good->services.find(id);
  if (at != good->services.end() && at->second.document == document) return planned;
  const auto& removed = good->removed;
  const RestService* known = find(id);
  const bool stays = known != nullptr && at == good->services.end() &&
                     std::find(removed.begin(), removed.end(), id) == removed.end();
  if (stays && known->json == to_json(*document)) return planned;
  return RestProblem{409,
                     "the document is not that of the service " + id +
                         "; PUT it at its own, or change its vip, port or protocol",
                     {}};
}

// One that was read by itself and found good, beside the others.
RestResult<RestPlan> RestServices::plan_beside(RestService read, const Config& config) const {
  const std::string same = id_of_same(read);
  const RestService* replaced = find(same);
  const ServiceConfig* before = replaced == nullptr ? nullptr : &replaced->config;
  const Fallbacks leads_to = fallbacks(&read.config, same);
  std::set<std::string> leaning = dependents(before, &read.config);
  leaning.erase(same);
  if (auto problem = fallback_problem(leads_to, leaning, &read.config)) return std::move(*problem);
  std::vector<YamlNodePtr> documents;
  std::vector<const ServiceConfig*> rivals;
  ReadBefore read_before{{read.document.get(), &read}};
  for (const std::string& id : index_.rivals(read.config, same)) {
    const RestService& rival = services_.at(id);
    documents.push_back(rival.document);
    rivals.push_back(&rival.config);
    read_before.emplace(rival.document.get(), &rival);
  }
  documents.push_back(read.document);
  const ServicesBeside beside = index_.beside(read.config, rivals, before);
  auto looked_at = read_documents(documents, *read.document, config, read_before, beside);
  if (auto* problem = std::get_if<RestProblem>(&looked_at)) return std::move(*problem);

  const auto address = address_alone(before, &read.config);
  if (!address) {
    documents = documents_without(same);
    documents.push_back(read.document);
    return plan(documents, *read.document, config, LostFallback::kIsServedWithout);
  }
  read.config.vip = *address;
  read.key = key_of(read.config);
  const std::string id = service_id(read.key);
  if (id != same && services_.contains(id)) return twice(id);
  read.fallback = leads_to.key(read.config);
  RestPlan plan;
  plan.is_alone = true;
  if (replaced != nullptr && id != same) plan.removed.push_back(same);
  note_dependents(plan, leads_to, leaning);
  note(plan, std::move(read));
  return plan;
}

std::optional<IpAddress> RestServices::address_alone(const ServiceConfig* before,
                                                     const ServiceConfig* after) const {
  return addresses_.resolve_alone ? addresses_.resolve_alone(before, after) : std::nullopt;
}

std::vector<YamlNodePtr> RestServices::documents_without(const std::string& id) const {
  std::vector<YamlNodePtr> documents;
  for (const auto& [known, service] : services_) {
    if (known != id) documents.push_back(service.document);
  }
  return documents;
}

RestResult<RestPlan> RestServices::plan_removal(const std::string& id, const Config& config) const {
  const RestService* known = find(id);
  if (known == nullptr) {
    return RestProblem{404,
                       "there is no service " + id +
                           " that was made by the API; what the configuration or a cluster made "
                           "is changed there",
                       {}};
  }
  const Fallbacks leads_to = fallbacks(nullptr, id);
  std::set<std::string> leaning = dependents(&known->config, nullptr);
  leaning.erase(id);
  if (auto problem = fallback_problem(leads_to, leaning, nullptr)) return std::move(*problem);
  if (!address_alone(&known->config, nullptr)) {
    auto all =
        plan(documents_without(id), *known->document, config, LostFallback::kIsServedWithout);
    // That others could not be made as they are is no reason to keep this one.
    if (std::holds_alternative<RestPlan>(all)) return all;
  }
  RestPlan plan;
  plan.is_alone = true;
  plan.removed.push_back(id);
  note_dependents(plan, leads_to, leaning);
  return plan;
}

void RestServices::adopt(RestPlan plan) {
  const auto forget = [&](const std::string& id) {
    const RestService* known = find(id);
    if (known == nullptr) return;
    index_.remove(id, known->config);
    digests_ -= known->digest;
  };
  for (const std::string& id : plan.removed) {
    forget(id);
    services_.erase(id);
  }
  for (const auto& [id, service] : plan.services) forget(id);
  for (auto& entry : plan.services) {
    index_.add(entry.first, entry.second.config);
    digests_ += entry.second.digest;
    services_.insert_or_assign(entry.first, std::move(entry.second));
  }
  ++revision_;
}

SourceChange RestServices::change_of(const RestPlan& plan) const {
  SourceChange change;
  for (const auto* ids : {&plan.added, &plan.changed}) {
    for (const std::string& id : *ids) {
      const RestService& service = plan.services.at(id);
      change.services.insert_or_assign(service.key, service.config);
      if (service.fallback) change.fallbacks.insert_or_assign(service.key, *service.fallback);
    }
  }
  for (const std::string& id : plan.removed) {
    change.services.insert_or_assign(services_.at(id).key, std::nullopt);
  }
  return change;
}

std::vector<StoreWrite> RestServices::writes_of(const RestPlan& plan) const {
  std::vector<StoreWrite> writes;
  for (const auto* ids : {&plan.added, &plan.changed}) {
    for (const std::string& id : *ids) {
      writes.push_back({std::string(kSpace), id, plan.services.at(id).json});
    }
  }
  for (const std::string& id : plan.removed) {
    writes.push_back({std::string(kSpace), id, std::nullopt});
  }
  return writes;
}

std::string RestServices::etag(const RestService& service) { return tag_of(digest(service.json)); }

std::string RestServices::etag() const { return tag_of(digests_); }

std::string RestServices::etag_after(const RestPlan& plan, const std::string& id) const {
  const auto planned = plan.services.find(id);
  return etag(planned == plan.services.end() ? services_.at(id) : planned->second);
}

}  // namespace vipgate
