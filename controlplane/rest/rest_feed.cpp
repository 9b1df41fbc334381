#include "controlplane/rest/rest_feed.h"

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "common/system_error.h"
#include "controlplane/feeds/source_report.h"
#include "controlplane/monotonic_clock.h"

namespace vipgate {
namespace {

constexpr SourceId kRestSource{Origin::kRest, 0};
// How long an answer waits for the disk.
constexpr int64_t kStoredWithinMs = 5000;
// How often it is looked whether what waits is stored.
constexpr int64_t kStoreLookMs = 2;

}  // namespace

RestFeed::RestFeed(Reconciler& reconciler, CommitPacer& pacer, Hooks hooks, FileDescriptor event)
    : reconciler_(reconciler),
      pacer_(pacer),
      hooks_(std::move(hooks)),
      services_(hooks_.addresses),
      event_(std::move(event)),
      drains_(reconciler) {
  take_config();
}

Result<std::unique_ptr<RestFeed>> RestFeed::create(Reconciler& reconciler, CommitPacer& pacer,
                                                   Hooks hooks) {
  FileDescriptor event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (event.get() < 0) return system_error("eventfd");
  return std::unique_ptr<RestFeed>(
      new RestFeed(reconciler, pacer, std::move(hooks), std::move(event)));
}

void RestFeed::post(std::function<void(RestFeed&)> work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  wake();
}

void RestFeed::wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(event_.get(), &one, sizeof one);
}

void RestFeed::process(int64_t /*now_ms*/) {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t length = read(event_.get(), &count, sizeof count);
  std::deque<std::function<void(RestFeed&)>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(posted_);
  }
  const int64_t end_ns = monotonic_ns() + kTurnNs;
  while (!work.empty()) {
    work.front()(*this);
    work.pop_front();
    if (monotonic_ns() >= end_ns) break;
  }
  if (work.empty()) return;
  // The rest in the next round, before what has been posted meanwhile.
  {
    const std::lock_guard lock(mutex_);
    posted_.insert(posted_.begin(), std::make_move_iterator(work.begin()),
                   std::make_move_iterator(work.end()));
  }
  wake();
}

void RestFeed::take_config() {
  config_ = reconciler_.config();
  services_.set_file_services(config_.services);
  config_.services.clear();
  config_.services.shrink_to_fit();
}

std::string RestFeed::tag_in_force() const {
  return staged_at_ == pacer_.commits() ? old_tag_ : services_.etag();
}

void RestFeed::adopt(RestPlan plan) {
  if (!plan.is_alone) {
    services_.adopt(std::move(plan));
    hooks_.adopt(services_.services());
    return;
  }
  const auto config_at = [this](const std::string& id) {
    const auto at = services_.services().find(id);
    return at == services_.services().end() ? std::nullopt : std::optional(at->second.config);
  };
  const std::string id = plan.services.empty() ? std::string() : plan.services.begin()->first;
  const auto before = config_at(plan.removed.empty() ? id : plan.removed.front());
  services_.adopt(std::move(plan));
  const auto after = config_at(id);
  hooks_.adopt_one(before ? &*before : nullptr, after ? &*after : nullptr);
}

// Stages what differs. `change`: what the plan means.
void RestFeed::put_in_force(RestPlan plan, SourceChange change) {
  if (!change.empty() && staged_at_ != pacer_.commits()) {
    old_tag_ = services_.etag();
    staged_at_ = pacer_.commits();
  }
  adopt(std::move(plan));
  if (change.empty()) return;
  pacer_.note(change.services.size(), monotonic_ns());
  reconciler_.stage(kRestSource, std::move(change));
}

void RestFeed::apply(RestPlan plan, std::function<void(const RestResult<Done>&)> done) {
  SourceChange change = services_.change_of(plan);
  if (auto status = reconciler_.check(change, monotonic_ms() / 1000); !status) {
    ++refused_;
    return done(RestProblem{409, status.error(), {}});
  }
  ++changes_;
  std::vector<StoreWrite> writes = services_.writes_of(plan);
  put_in_force(std::move(plan), std::move(change));
  wait_for_store(std::move(writes), std::move(done));
}

// `done` is called once what was staged is published, and the rows are stored.
void RestFeed::wait_for_store(std::vector<StoreWrite> writes,
                              std::function<void(const RestResult<Done>&)> done) {
  Pending pending{std::move(done), 0, monotonic_ms() + kStoredWithinMs};
  if (!writes.empty()) {
    store_ = &hooks_.store();
    store_->write(std::move(writes));
    pending.batch = store_->handed();
  }
  pending_.push_back(std::move(pending));
}

void RestFeed::take_out(const DrainTarget& target, const Drain& drain,
                        std::function<void(const RestResult<Done>&)> done) {
  StoreWrite row = drains_.take_out(target, drain);
  note_drains();
  wait_for_store({std::move(row)}, std::move(done));
}

void RestFeed::give_back(const DrainTarget& target,
                         std::function<void(const RestResult<Done>&)> done) {
  StoreWrite row = drains_.give_back(target);
  note_drains();
  wait_for_store({std::move(row)}, std::move(done));
}

// What they have staged is to be committed.
void RestFeed::note_drains() {
  if (reconciler_.has_staged()) pacer_.note(1, monotonic_ns());
}

void RestFeed::restore(StateStore& store) {
  store_ = &store;
  const auto drained = store.load(DrainDesk::kSpace);
  if (!drained) {
    spdlog::error("store: the reals that were taken out are not known: {}", drained.error());
  } else {
    for (const std::string& problem : drains_.restore(*drained, drain_clock()))
      spdlog::error("store: {}", problem);
    if (!drains_.all().empty()) {
      spdlog::info("store: {} reals or addresses stay taken out", drains_.all().size());
    }
  }
  auto rows = store.load(RestServices::kSpace);
  if (!rows) {
    spdlog::error("store: the services that the API made are not known: {}", rows.error());
    return;
  }
  if (rows->empty()) return;
  std::vector<std::string> problems;
  RestPlan plan = services_.plan_restored(*rows, config(), problems);
  SourceChange change = services_.change_of(plan);
  put_in_force(std::move(plan), std::move(change));
  for (const std::string& problem : problems) {
    spdlog::error("store: a service of the API: {}", problem);
  }
  spdlog::info("store: {} services of the API are served", services_.services().size());
}

void RestFeed::follow_config() {
  take_config();
  if (services_.services().empty()) return;
  std::vector<std::string> problems;
  RestPlan plan = services_.plan_anew(config(), problems);
  SourceChange change = services_.change_of(plan);
  put_in_force(std::move(plan), std::move(change));
  for (const std::string& problem : problems) {
    spdlog::warn("the API's service {}", problem);
  }
}

void RestFeed::act(int64_t now_ms) {
  const bool was_staged = reconciler_.has_staged();  // and noted by who did it
  std::vector<StoreWrite> writes = drains_.advance(now_ms / 1000);
  if (!writes.empty()) hooks_.store().write(std::move(writes));
  if (!was_staged) note_drains();
  if (pending_.empty() || reconciler_.has_staged()) return;
  const auto settle = [&](const Pending& pending) {
    if (pending.batch == 0 || store_->is_stored(pending.batch)) {
      pending.done(Done{});
    } else if (now_ms >= pending.give_up_ms) {
      pending.done(
          RestProblem{507,
                      "the change is in force, but is not stored: " + store_->health().problem +
                          "; it will be as soon as the store can",
                      {}});
    } else {
      return false;
    }
    return true;
  };
  std::erase_if(pending_, settle);
}

int64_t RestFeed::next_deadline_ms() const {
  return pending_.empty() ? std::numeric_limits<int64_t>::max() : monotonic_ms() + kStoreLookMs;
}

void RestFeed::add_sources(std::vector<SourceReport>& sources,
                           std::optional<size_t> /*ignored*/) const {
  SourceReport report{.id = "rest", .kind = "api", .name = "", .state = "in_force"};
  report.figures = {{"services", services_.services().size()}};
  sources.push_back(std::move(report));
}

NamedCounters RestFeed::counters() const {
  return {{"rest.services", services_.services().size()},
          {"rest.changes", changes_},
          {"rest.refused", refused_},
          {"rest.drains", drains_.all().size()}};
}

}  // namespace vipgate
