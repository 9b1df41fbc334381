// Where the API meets the control thread: work that its threads hand over, and the services that it
// makes and the reals that it takes out, from a document to the store.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/named_counters.h"
#include "controlplane/feeds/commit_pacer.h"
#include "controlplane/feeds/loop_client.h"
#include "controlplane/file_descriptor.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/rest/drain_desk.h"
#include "controlplane/rest/rest_services.h"
#include "controlplane/store/state_store.h"

namespace vipgate {

// Owned by Feeds, called by the control thread but for post(). The references outlive this.
class RestFeed : public LoopClient {
 public:
  // What the feed needs of Feeds.
  struct Hooks {
    // Of services beside those of the file; adopt() and adopt_one() make that so.
    RestServices::Addresses addresses;
    std::function<void(const RestServiceMap& services)> adopt;
    // One in the place of another; null: there is none.
    std::function<void(const ServiceConfig* before, const ServiceConfig* after)> adopt_one;
    // The store, which is opened when it is first needed.
    std::function<StateStore&()> store;
  };

  static Result<std::unique_ptr<RestFeed>> create(Reconciler& reconciler, CommitPacer& pacer,
                                                  Hooks hooks);

  // How long the control thread works at a time on what is posted: what else it has to do, of which
  // a service manager's watchdog is told, waits no longer for whatever clients ask.
  static constexpr int64_t kTurnNs = 5'000'000;

  // From any thread: `work` is done by the control thread, soon, in the order of the calls.
  void post(std::function<void(RestFeed&)> work);

  const RestServices& services() const { return services_; }
  // Of the services that the model has already: services().etag(), or for some milliseconds the one
  // before.
  std::string tag_in_force() const;
  // What is in force, without the services: those of the file may be many.
  const Config& config() const { return config_; }

  // Puts a plan of services() in force. `done` is called when it is published and stored, or with
  // what went wrong: nothing has changed (409), or it is in force and not stored (507).
  void apply(RestPlan plan, std::function<void(const RestResult<Done>&)> done);

  // Takes reals out, as drains() has planned it, or gives them back. `done`: as of apply().
  void take_out(const DrainTarget& target, const Drain& drain,
                std::function<void(const RestResult<Done>&)> done);
  void give_back(const DrainTarget& target, std::function<void(const RestResult<Done>&)> done);
  const DrainDesk& drains() const { return drains_; }

  // Of the configuration that is about to be in force, with their addresses.
  void set_file_services(const std::vector<ServiceConfig>& services) {
    services_.set_file_services(services);
  }
  // What is stored, to be called before the first snapshot; after a reload.
  void restore(StateStore& store);
  void follow_config();

  [[nodiscard]] int fd() const override { return event_.get(); }
  void process(int64_t now_ms) override;
  void act(int64_t now_ms) override;
  [[nodiscard]] int64_t next_deadline_ms() const override;
  [[nodiscard]] NamedCounters counters() const override;
  void add_sources(std::vector<SourceReport>& sources,
                   std::optional<size_t> ignored) const override;

 private:
  struct Pending {
    std::function<void(const RestResult<Done>&)> done;
    uint64_t batch = 0;  // of the store; 0: nothing was to be stored
    int64_t give_up_ms = 0;
  };

  RestFeed(Reconciler& reconciler, CommitPacer& pacer, Hooks hooks, FileDescriptor event);
  void wake();
  void take_config();
  void put_in_force(RestPlan plan, SourceChange change);
  void adopt(RestPlan plan);
  void wait_for_store(std::vector<StoreWrite> writes,
                      std::function<void(const RestResult<Done>&)> done);
  void note_drains();

  Reconciler& reconciler_;
  CommitPacer& pacer_;
  Hooks hooks_;
  Config config_;
  RestServices services_;
  // The tag of services before the changes that are staged, and how many commits there had been.
  std::string old_tag_;
  std::optional<uint64_t> staged_at_;
  FileDescriptor event_;
  std::vector<Pending> pending_;
  DrainDesk drains_;
  StateStore* store_ = nullptr;  // once it is open
  uint64_t changes_ = 0;
  uint64_t refused_ = 0;

  std::mutex mutex_;
  std::deque<std::function<void(RestFeed&)>> posted_;
};

}  // namespace vipgate
