#include "controlplane/rest/rest_services.h"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "controlplane/config_check.h"
#include "controlplane/config_reader_services.h"
#include "controlplane/config_section.h"
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

// What only the file can have.
void check_fallbacks(const Config& config, Diagnostics& diagnostics) {
  for (const ServiceConfig& service : config.services) {
    if (service.no_real != NoReal::kFallback) continue;
    diagnostics.error(service.position,
                      "no_real: a fallback can be named in the configuration file alone; write "
                      "reject, drop or use_all");
  }
}

// The first index in "services[3].port".
std::optional<size_t> index_in(std::string_view field) {
  const size_t open = field.find('[');
  size_t number = 0;
  if (open == std::string_view::npos) return std::nullopt;
  const auto read = std::from_chars(field.data() + open + 1, field.data() + field.size(), number);
  return read.ec == std::errc() ? std::optional(number) : std::nullopt;
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

// The configuration with the documents as its services, looked at and found good; addresses are not
// given out. One of ten thousand is changed without reading the others, which `services` has:
// whenever the configuration changes, plan_anew() makes new documents.
RestResult<Config> read_documents(const std::vector<YamlNodePtr>& documents, const YamlNode& blamed,
                                  const Config& config, const RestServiceMap& services) {
  Diagnostics diagnostics("body");
  Config trial = config;
  trial.services.clear();
  const YamlNodePtr root = root_of(documents);
  std::unordered_map<const YamlNode*, const RestService*> read_before;
  for (const auto& [id, service] : services) {
    read_before.emplace(service.document.get(), &service);
  }
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
    check_fallbacks(trial, diagnostics);
    check_services_alone(trial, *root, diagnostics);
  }
  if (!diagnostics.ok()) return problem_of(diagnostics, blamed);
  return trial;
}

}  // namespace

std::string service_id(const ServiceKey& key) {
  std::string id = to_string(key);
  id[id.rfind('/')] = ':';
  return id;
}

RestResult<RestPlan> RestServices::plan(const std::vector<YamlNodePtr>& documents,
                                        const YamlNode& blamed, const Config& config) const {
  auto read = read_documents(documents, blamed, config, services_);
  if (auto* problem = std::get_if<RestProblem>(&read)) return std::move(*problem);
  Config& trial = std::get<Config>(read);
  if (auto status = resolve_(trial); !status) return RestProblem{409, status.error(), {}};

  RestPlan plan;
  for (size_t i = 0; i < trial.services.size(); ++i) {
    RestService service;
    service.config = std::move(trial.services[i]);
    service.config.origin = Origin::kRest;
    service.key = key_of(service.config);
    service.document = documents[i];
    const std::string id = service_id(service.key);
    const auto known = services_.find(id);
    service.json = known != services_.end() && known->second.document == documents[i]
                       ? known->second.json
                       : to_json(*documents[i]);
    if (known == services_.end()) {
      plan.added.push_back(id);
    } else if (known->second.json != service.json || !(known->second.config == service.config)) {
      plan.changed.push_back(id);
    }
    if (!plan.services.emplace(id, std::move(service)).second) {
      return RestProblem{422, "the service " + id + " is there twice; nothing was changed", {}};
    }
  }
  for (const auto& [id, service] : services_) {
    if (!plan.services.contains(id)) plan.removed.push_back(id);
  }
  return plan;
}

RestResult<RestPlan> RestServices::plan_all(const YamlNodePtr& root, const Config& config) const {
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
  return plan(list->children, *root, config);
}

// The address of a name that is given out depends on the names beside it.
std::string RestServices::id_of_same(const RestService& read) const {
  const ServiceConfig& own = read.config;
  if (!own.vip_auto) return service_id(read.key);
  for (const auto& [id, service] : services_) {
    const ServiceConfig& other = service.config;
    if (other.vip_auto && other.name == own.name && vip_family(other) == vip_family(own) &&
        other.port == own.port && other.extent == own.extent && other.protocol == own.protocol) {
      return id;
    }
  }
  return {};
}

RestResult<RestPlan> RestServices::plan_one(const YamlNodePtr& document, const std::string& id,
                                            const Config& config) const {
  // Its own fields are named as they stand in the document.
  auto read = read_documents({document}, *document, config, services_);
  if (auto* problem = std::get_if<RestProblem>(&read)) return std::move(*problem);
  RestService alone;
  alone.config = std::get<Config>(read).services.front();
  alone.key = key_of(alone.config);
  const std::string same = id_of_same(alone);
  std::vector<YamlNodePtr> documents;
  for (const auto& [known, service] : services_) {
    if (known != same) documents.push_back(service.document);
  }
  documents.push_back(document);
  auto all = plan(documents, *document, config);
  const auto* good = std::get_if<RestPlan>(&all);
  if (good == nullptr || id.empty()) return all;
  const auto at = good->services.find(id);
  if (at != good->services.end() && at->second.document == document) return all;
  return RestProblem{409,
                     "the document is not that of the service " + id +
                         "; PUT it at its own, or change its vip, port or protocol",
                     {}};
}

RestResult<RestPlan> RestServices::plan_removal(const std::string& id) const {
  RestPlan plan;
  plan.services = services_;
  if (plan.services.erase(id) == 0) {
    return RestProblem{404,
                       "there is no service " + id +
                           " that was made by the API; what the configuration or a cluster made "
                           "is changed there",
                       {}};
  }
  plan.removed.push_back(id);
  return plan;
}

SourceChange RestServices::change_of(const RestPlan& plan) const {
  SourceChange change;
  for (const auto* ids : {&plan.added, &plan.changed}) {
    for (const std::string& id : *ids) {
      const RestService& service = plan.services.at(id);
      change.services.insert_or_assign(service.key, service.config);
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

// Leaves out what is blamed, until the rest is good: the numbers of what was left out, and why.
RestPlan RestServices::plan_good(std::vector<std::string> jsons, const Config& config,
                                 std::map<size_t, std::string>& refused) const {
  std::vector<size_t> numbers;  // of those that are not refused
  // The first ones of them. Read as one text, so that a position tells of which document it is.
  const auto plan_first = [&](size_t count) -> RestResult<RestPlan> {
    std::string text = "{\"services\":[";
    for (size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + jsons[numbers[i]];
    Diagnostics diagnostics("stored services");
    const YamlNodePtr root = read_json(text + "]}", diagnostics);
    return root == nullptr ? RestPlan{} : plan_all(root, config);
  };
  while (true) {
    numbers.clear();
    for (size_t i = 0; i < jsons.size(); ++i) {
      if (!refused.contains(i)) numbers.push_back(i);
    }
    if (numbers.empty()) return {};
    auto tried = plan_first(numbers.size());
    if (auto* good = std::get_if<RestPlan>(&tried)) return std::move(*good);
    const size_t before = refused.size();
    for (const FieldError& error : std::get<RestProblem>(tried).errors) {
      const auto number = index_in(error.field);
      if (number && *number < numbers.size()) refused.emplace(numbers[*number], error.detail);
    }
    if (refused.size() != before) continue;
    // None is blamed: there are not enough addresses, or the like. Those pay for it that come last;
    // how many that are is found by halves, since each try takes as long as all that there is.
    size_t fit = 0;
    size_t too_many = numbers.size();
    std::string why = std::get<RestProblem>(tried).detail;
    while (too_many - fit > 1) {
      const size_t count = fit + (too_many - fit) / 2;
      const auto some = plan_first(count);
      const auto* problem = std::get_if<RestProblem>(&some);
      if (problem == nullptr || !problem->errors.empty()) {
        fit = count;
      } else {
        too_many = count;
        why = problem->detail;
      }
    }
    for (size_t i = fit; i < numbers.size(); ++i) refused.emplace(numbers[i], why);
  }
}

RestPlan RestServices::plan_anew(const Config& config, std::vector<std::string>& problems) const {
  std::vector<std::string> jsons;
  std::vector<const RestService*> services;
  for (const auto& [id, service] : services_) {
    jsons.push_back(service.json);
    services.push_back(&service);
  }
  std::map<size_t, std::string> refused;
  RestPlan plan = plan_good(std::move(jsons), config, refused);
  plan.removed.clear();
  for (const auto& [number, why] : refused) {
    const std::string id = service_id(services[number]->key);
    problems.emplace_back(id).append(" stays as it was: ").append(why);
    plan.services.insert_or_assign(id, *services[number]);
  }
  return plan;
}

RestPlan RestServices::plan_restored(const std::map<std::string, std::string>& rows,
                                     const Config& config,
                                     std::vector<std::string>& problems) const {
  std::vector<std::string> jsons;
  for (const auto& [id, json] : rows) {
    Diagnostics diagnostics(id);
    if (read_json(json, diagnostics) == nullptr) {
      problems.push_back(diagnostics.text());
    } else {
      jsons.push_back(json);
    }
  }
  std::map<size_t, std::string> refused;
  RestPlan plan = plan_good(jsons, config, refused);
  for (const auto& [number, why] : refused) problems.push_back(jsons[number] + ": " + why);
  return plan;
}

std::string RestServices::etag(const RestService& service) { return tag_of(digest(service.json)); }

std::string RestServices::etag() const {
  uint64_t all = 0;
  for (const auto& [id, service] : services_) all += digest(id + '\n' + service.json);
  return tag_of(all);
}

}  // namespace vipgate
