// Random rows of changes through the reconciler.
#include <random>
#include <set>

#include "tests/controlplane/loop/reconciler_sources_fixture.h"

namespace vipgate::reconciler_sources_test {
namespace {

// What the sources want, as the test itself knows it.
struct Wishes {
  std::map<uint32_t, ServiceConfig> services;
  std::map<std::string, uint32_t> tasks;
  std::set<std::pair<uint32_t, RealKey>> down;
};

class ReconcilerRandomTest : public ReconcilerSourcesTest {
 protected:
  // One random change of `wishes`, staged.
  void change() {
    const auto number = static_cast<uint32_t>(random() % 30);
    switch (random() % 5) {
      case 0: {
        wishes.services.erase(number);
        stage(number, std::nullopt);
        break;
      }
      case 1: {
        const std::string name = "t" + std::to_string(random() % 20);
        SourceChange staged;
        if (wishes.tasks.contains(name)) {
          staged.records_removed = {task_record(name, wishes.tasks.at(name))};
          wishes.tasks.erase(name);
        }
        if (random() % 3 != 0) {
          wishes.tasks[name] = number;
          staged.records_added = {task_record(name, number)};
        }
        reconciler->stage(kMesos, std::move(staged));
        break;
      }
      case 2: {
        const RealKey checked{real(static_cast<uint32_t>(random() % 6)).address, 8080};
        const bool is_down = random() % 2 == 0;
        reconciler->stage_health(key(number), checked,
                                 is_down ? RealHealth::kDown : RealHealth::kUp);
        break;
      }
      default: {
        std::vector<RealConfig> reals;
        for (uint32_t i = 0; i < 6; ++i) {
          if (random() % 2 == 0) reals.push_back(real(i, static_cast<uint16_t>(random() % 3)));
        }
        ServiceConfig wanted = service(number, reals);
        // Names move between VIPs, and some are shared.
        wanted.name = "m" + std::to_string(random() % 12);
        wanted.mode = random() % 2 == 0 ? Mode::kNat : Mode::kFullnat;
        wanted.health.type = random() % 3 == 0 ? HealthType::kTcp : HealthType::kNone;
        wishes.services[number] = wanted;
        stage(number, wanted);
      }
    }
  }

  // Every name in every snapshot leads to a VIP that the oldest snapshot forwards that a worker may
  // still have, and this one.
  void check_gate(size_t first_new, uint64_t passed) const {
    for (size_t i = first_new; i < dataplane.published.size(); ++i) {
      const Snapshot& snapshot = *dataplane.published[i];
      snapshot.dns->for_each_record([&](const DnsTable::Record& record) {
        if (record.type != DnsType::kA || record.rdata[0] != 11) return;
        Ipv4Address vip;
        std::copy(record.rdata.begin(), record.rdata.end(), reinterpret_cast<char*>(&vip));
        EXPECT_NE(snapshot.v4.addresses.find(vip), nullptr) << to_string(IpAddress(vip));
        if (i == 0) return;
        EXPECT_NE(dataplane.published[passed - 1]->v4.addresses.find(vip), nullptr)
            << to_string(IpAddress(vip)) << " in snapshot " << i + 1;
      });
    }
  }

  // The same wishes given to a new reconciler at once make the same.
  void compare_with_fresh(int64_t now_s) {
    FakeDataplane other_dataplane;
    auto other = make(other_dataplane);
    SourceChange all;
    for (const auto& [number, wanted] : wishes.services) all.services.emplace(key(number), wanted);
    for (const auto& [name, number] : wishes.tasks) {
      all.records_added.push_back(task_record(name, number));
    }
    other->stage(kMesos, std::move(all));
    ASSERT_TRUE(other->commit(now_s, 0).ok());
    // What the checks said of the reals is known by the model alone, panic and all.
    for (const auto& [service_key, service] : reconciler->model().services()) {
      for (const auto& [real_key, known] : service.reals) {
        if (known.gone_at_s == kNever && known.state == RealState::kDown) {
          other->stage_health(service_key, real_key, RealHealth::kDown);
        }
      }
    }
    ASSERT_TRUE(other->commit(now_s, 0).ok());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(other->tick(now_s).ok());
    const std::set<RealState> states = {RealState::kUp, RealState::kDraining, RealState::kDown};
    EXPECT_EQ(forwarding_lines(last(), states),
              forwarding_lines(*other_dataplane.published.back(), states));
    EXPECT_EQ(record_lines(*last().dns), record_lines(*other_dataplane.published.back()->dns));
  }

  std::mt19937 random{17};
  Wishes wishes;
};

TEST_F(ReconcilerRandomTest, AnyRowOfChangesEndsWhereAFreshStartWithTheLastOneEnds) {
  int64_t now_s = 0;
  for (int round = 0; round < 120 && !HasFailure(); ++round) {
    for (uint32_t i = 0; i < 1 + random() % 8; ++i) change();
    commit(now_s);
    if (random() % 2 == 0) settle(now_s);
    now_s += static_cast<int64_t>(random() % 40);
    if (round % 10 != 9) continue;
    // When all that leaves has left, nothing but the wishes counts.
    settle(now_s);
    while (reconciler->next_deadline_s() != kNever) {
      now_s = reconciler->next_deadline_s();
      settle(now_s);
    }
    compare_with_fresh(now_s);
  }
}

TEST_F(ReconcilerRandomTest, NoSnapshotNamesAVipThatAWorkerMayNotForwardYet) {
  settle();
  dataplane.workers_pass = false;
  dataplane.passed_version = 1;
  size_t checked = 0;
  size_t named = 0;
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    for (uint32_t i = 0; i < 1 + random() % 4; ++i) change();
    const uint64_t passed = dataplane.passed_version;
    commit(round / 10);
    ASSERT_TRUE(reconciler->tick(round / 10).ok());
    check_gate(checked, passed);
    checked = dataplane.published.size();
    // Workers move on at their own pace.
    dataplane.passed_version += random() % (dataplane.published.size() + 1 - passed);
    named += record_lines(*last().dns).size();
  }
  EXPECT_GT(named, 1000u) << "the test must have seen names";
}

}  // namespace
}  // namespace vipgate::reconciler_sources_test
