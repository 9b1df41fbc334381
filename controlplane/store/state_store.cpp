#include "controlplane/store/state_store.h"

#include "controlplane/store/sqlite_store.h"
#include "controlplane/store/zk_store.h"

namespace vipgate {
namespace {

// For a gateway that learns everything anew.
class NoStore : public StateStore {
 public:
  Result<std::map<std::string, std::string>> load(std::string_view) override {
    return std::map<std::string, std::string>();
  }
  void write(std::vector<StoreWrite>) override {}
  Status flush(int64_t) override { return Done{}; }
  [[nodiscard]] StoreHealth health() const override { return {}; }
};

}  // namespace

Result<std::unique_ptr<StateStore>> StateStore::open(const std::string& url,
                                                     const std::string& local_path) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (url == "none") return std::unique_ptr<StateStore>(std::make_unique<NoStore>());
  if (url.starts_with(kSqlite) && url.size() > kSqlite.size()) {
    return std::unique_ptr<StateStore>(std::make_unique<SqliteStore>(url.substr(kSqlite.size())));
  }
  if (url.starts_with("zk://")) return ZkStore::open(url, local_path);
  return Error{"'" + url + "' is no store; write sqlite:PATH, zk://host:port/path or none"};
}

}  // namespace vipgate
