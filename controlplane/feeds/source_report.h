// How a source of services or tasks is: what `GET /api/v1/sources` tells of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/named_counters.h"
#include "controlplane/naming/mesos_view.h"

namespace vipgate {

struct SourceReport {
  std::string id{};    // "file", "rest", "mesos.0", "marathon.0", "resolver.192.0.2.53:53"
  std::string kind{};  // "file" | "api" | "mesos" | "marathon" | "resolver"
  // Of the file, the cluster's domain, the framework, what a resolver is asked for.
  std::string name{};
  // "in_force"; "refused": the last reload changed nothing; "connected"; "stale": out of reach, its
  // last state stays in force; "withdrawn": out of reach for too long. Of resolvers: "up", "down",
  // "unknown": not asked yet.
  std::string state{};
  std::string detail{};             // why it is so, where that is known
  std::optional<int64_t> age_ms{};  // since it was heard of last
  NamedCounters figures{};          // "services", "tasks", …
  // What it has that cannot be used: how much, and the first ones of it.
  size_t ignored = 0;
  std::vector<Skipped> ignored_items{};
};

}  // namespace vipgate
