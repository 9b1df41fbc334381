#include "controlplane/store/state_store.h"

#include <filesystem>
#include <system_error>

#include "controlplane/store/sqlite_store.h"
#include "controlplane/store/zk_store.h"

namespace vipgate {
namespace {

constexpr std::string_view kSqlite = "sqlite:";

// For a gateway that learns everything anew.
class NoStore : public StateStore {
 public:
  Result<std::map<std::string, std::string>> load(std::string_view) override {
    return std::map<std::string, std::string>();
  }
  void write(std::vector<StoreWrite>) override {}
  Result<std::set<std::string>> spaces() override { return std::set<std::string>(); }
  void erase(const std::string&) override {}
  Status flush(int64_t) override { return Done{}; }
  [[nodiscard]] StoreHealth health() const override { return {}; }
  [[nodiscard]] uint64_t handed() const override { return 0; }
  [[nodiscard]] bool is_stored(uint64_t) const override { return true; }
};

}  // namespace

Result<std::unique_ptr<StateStore>> StateStore::open(const std::string& url,
                                                     const std::string& local_path) {
  if (url == "none") return std::unique_ptr<StateStore>(std::make_unique<NoStore>());
  if (url.starts_with(kSqlite) && url.size() > kSqlite.size()) {
    return std::unique_ptr<StateStore>(std::make_unique<SqliteStore>(url.substr(kSqlite.size())));
  }
  if (url.starts_with("zk://")) return ZkStore::open(url, local_path);
  return Error{"'" + url + "' is no store; write sqlite:PATH, zk://host:port/path or none"};
}

bool StateStore::exists(const std::string& url, const std::string& local_path) {
  if (url == "none") return false;
  std::error_code error;  // what cannot be looked at is not there for us
  return std::filesystem::exists(url.starts_with(kSqlite) ? url.substr(kSqlite.size()) : local_path,
                                 error);
}

}  // namespace vipgate
