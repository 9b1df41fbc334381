#include "controlplane/feeds/mesos_store.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <utility>
#include <vector>

namespace vipgate {
namespace {

// Of one hand-over: some milliseconds of making JSON.
constexpr size_t kEntriesAtOnce = 1000;
// The store is left to catch up beyond this.
constexpr uint64_t kMostWaiting = 8000;

constexpr char kSeparator = '/';
constexpr std::string_view kSpacePrefix = "mesos/";
constexpr std::string_view kMastersKey = "masters";
constexpr std::string_view kTasksKey = "tasks";

std::string store_key(const MesosTaskKey& key) {
  return key.framework_id.str() + kSeparator + key.task_id;
}
std::string store_key(const SharedText& id) { return id.str(); }

size_t hash_of(const std::string& space, const std::string& key) {
  const std::hash<std::string> hash;
  return hash(space) * 0x9e3779b97f4a7c15 ^ hash(key);
}

size_t task_count_of(std::string_view text) {
  size_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string endpoint(const MesosMaster& master) {
  return master.ip + " " + std::to_string(master.port) + "\n";
}

// A line for the leader, or an empty one; then one for each master: "10.0.0.1 5050".
std::string masters_text(const MesosMasters& masters) {
  std::string text = masters.leader ? endpoint(*masters.leader) : "\n";
  for (const MesosMaster& master : masters.masters) text += endpoint(master);
  return text;
}

std::optional<MesosMaster> master_of(std::string_view line) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  MesosMaster master;
  master.ip = line.substr(0, space);
  const char* end = line.data() + line.size();
  const auto parsed = std::from_chars(line.data() + space + 1, end, master.port);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return master;
}

MesosMasters masters_of(std::string_view text) {
  MesosMasters masters;
  for (bool is_first = true; !text.empty(); is_first = false) {
    const size_t end = std::min(text.find('\n'), text.size());
    const auto master = master_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (is_first) {
      masters.leader = master;
    } else if (master) {
      masters.masters.push_back(*master);
    }
  }
  return masters;
}

void append_list(std::string& json, const std::map<std::string, std::string>& values) {
  json += '[';
  const char* comma = "";
  for (const auto& [key, value] : values) {
    json += comma;
    json += value;
    comma = ",";
  }
  json += ']';
}

}  // namespace

// Tells clusters with one domain apart by their order.
std::string mesos_store_name(const Config& config, size_t cluster) {
  size_t earlier = 0;
  for (size_t i = 0; i < cluster; ++i) {
    if (config.mesos[i].domain == config.mesos[cluster].domain) ++earlier;
  }
  return config.mesos[cluster].domain + (earlier == 0 ? "" : "#" + std::to_string(earlier));
}

Result<std::set<std::string>> forget_other_clusters(StateStore& store, const Config& config) {
  auto spaces = store.spaces();
  if (!spaces) return spaces;
  std::set<std::string> known;
  for (size_t i = 0; i < config.mesos.size(); ++i) known.insert(mesos_store_name(config, i));
  std::set<std::string> forgotten;
  for (const std::string& space : *spaces) {
    const size_t end = space.rfind('/');
    if (!space.starts_with(kSpacePrefix) || end < kSpacePrefix.size()) continue;
    std::string name = space.substr(kSpacePrefix.size(), end - kSpacePrefix.size());
    if (known.contains(name)) continue;
    store.erase(space);
    forgotten.insert(std::move(name));
  }
  return forgotten;
}

MesosStore::MesosStore(StateStore& store, const std::string& name)
    : store_(store),
      task_space_("mesos/" + name + "/task"),
      agent_space_("mesos/" + name + "/agent"),
      framework_space_("mesos/" + name + "/framework"),
      master_space_("mesos/" + name + "/master"),
      unfinished_space_("mesos/" + name + "/unfinished") {}

Result<MesosStore::Restored> MesosStore::restore(MesosCluster& cluster) {
  // As one answer to GET_STATE, so that it is read as a master's.
  std::string json = R"({"type":"GET_STATE","get_state":{"get_tasks":{"tasks":)";
  auto tasks = store_.load(task_space_);
  if (!tasks) return Error{tasks.error()};
  append_list(json, *tasks);
  json += R"(},"get_agents":{"agents":)";
  auto agents = store_.load(agent_space_);
  if (!agents) return Error{agents.error()};
  append_list(json, *agents);
  json += R"(},"get_frameworks":{"frameworks":)";
  auto frameworks = store_.load(framework_space_);
  if (!frameworks) return Error{frameworks.error()};
  append_list(json, *frameworks);
  json += "}}}";
  auto masters = store_.load(master_space_);
  if (!masters) return Error{masters.error()};
  auto unfinished = store_.load(unfinished_space_);
  if (!unfinished) return Error{unfinished.error()};
  if (!tasks->empty() || !agents->empty() || !frameworks->empty()) {
    auto state = MesosParser().parse_state(json);
    if (!state) return Error{"the stored state of " + task_space_ + ": " + state.error()};
    cluster.restore(std::move(*state));
  }
  if (const auto found = masters->find(std::string(kMastersKey)); found != masters->end()) {
    cluster.set_masters(masters_of(found->second));
  }
  for (const auto& [key, value] : *tasks) stored_.insert(hash_of(task_space_, key));
  for (const auto& [key, value] : *agents) stored_.insert(hash_of(agent_space_, key));
  for (const auto& [key, value] : *frameworks) stored_.insert(hash_of(framework_space_, key));
  Restored restored;
  const auto tasks_of = unfinished->find(std::string(kTasksKey));
  unfinished_ = tasks_of != unfinished->end();
  if (unfinished_) restored.tasks_of = task_count_of(tasks_of->second);
  return restored;
}

// What came and went again, before the store had it, need not be written: else what waits would
// grow with each of them while the store is away.
template <class Key, class Find>
void MesosStore::mark_some(std::set<Key>& unsaved, const std::string& space, std::set<Key> keys,
                           const Find& find) {
  for (auto key = keys.begin(); key != keys.end();) {
    if (find(*key) != nullptr || stored_.contains(hash_of(space, store_key(*key)))) {
      ++key;
    } else {
      unsaved.erase(*key);
      key = keys.erase(key);
    }
  }
  if (unsaved.empty()) {
    unsaved = std::move(keys);
  } else {
    unsaved.merge(keys);
  }
}

void MesosStore::mark(MesosChanges changes, const MesosCluster& cluster) {
  mark_some(unsaved_.tasks, task_space_, std::move(changes.tasks),
            [&](const MesosTaskKey& key) { return cluster.task(key); });
  mark_some(unsaved_.agents, agent_space_, std::move(changes.agents),
            [&](const SharedText& id) { return cluster.agent(id); });
  mark_some(unsaved_.frameworks, framework_space_, std::move(changes.frameworks),
            [&](const SharedText& id) { return cluster.framework(id); });
  unsaved_.masters = unsaved_.masters || changes.masters;
}

void MesosStore::save_some(const MesosCluster& cluster) {
  if (waits() && store_.health().waiting <= kMostWaiting) hand_over(cluster);
}

void MesosStore::save_all(const MesosCluster& cluster) {
  while (waits()) hand_over(cluster);
}

void MesosStore::hand_over(const MesosCluster& cluster) {
  std::vector<StoreWrite> batch;
  // Into an empty store, and not in one batch: until the last one it holds but a part.
  if (stored_.empty() && !unfinished_ && unsaved() > kEntriesAtOnce) {
    unfinished_ = true;
    batch.push_back(
        {unfinished_space_, std::string(kTasksKey), std::to_string(unsaved_.tasks.size())});
  }
  const auto take = [&](auto& keys, const std::string& space, const auto& find) {
    while (!keys.empty() && batch.size() < kEntriesAtOnce) {
      const auto key = *keys.begin();
      keys.erase(keys.begin());
      const auto* found = find(key);
      if (found != nullptr) {
        stored_.insert(hash_of(space, store_key(key)));
        batch.push_back({space, store_key(key), to_json(*found)});
      } else {
        stored_.erase(hash_of(space, store_key(key)));
        batch.push_back({space, store_key(key), std::nullopt});
      }
    }
  };
  take(unsaved_.frameworks, framework_space_,
       [&](const SharedText& id) { return cluster.framework(id); });
  take(unsaved_.agents, agent_space_, [&](const SharedText& id) { return cluster.agent(id); });
  take(unsaved_.tasks, task_space_, [&](const MesosTaskKey& key) { return cluster.task(key); });
  if (unsaved_.masters) {
    batch.push_back({master_space_, std::string(kMastersKey), masters_text(cluster.masters())});
    unsaved_.masters = false;
  }
  if (unfinished_ && told_whole_ && unsaved_.empty()) {
    batch.push_back({unfinished_space_, std::string(kTasksKey), std::nullopt});
    unfinished_ = false;
  }
  store_.write(std::move(batch));
}

}  // namespace vipgate
