#include "controlplane/naming/task_listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/rest/mesos_dns_enumeration.h"
#include "tests/controlplane/naming/cluster_fixture.h"

namespace vipgate::task_listing_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Config one_cluster() {
  Config config;
  config.mesos.resize(1);
  return config;
}

class TaskListingTest : public ::testing::Test {
 protected:
  void add(int from, int to) {
    for (int i = from; i < to; ++i) {
      fixture_.add(task_of("F-marathon", "web." + std::to_string(i),
                           "9.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)));
    }
    fixture_.update();
  }
  bool list(TaskListing& listing, size_t most) {
    return fixture_.view().list_tasks(fixture_.cluster(), listing, most);
  }
  static std::vector<std::string> ids(const TaskListing& listing) {
    std::vector<std::string> ids;
    for (const TaskListing::Task& task : listing.tasks) ids.push_back(task.id.str());
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  const Config config_ = one_cluster();
  ClusterFixture fixture_{config_};
};

TEST_F(TaskListingTest, PartsOfAnySizeHaveEachTaskOnce) {
  add(0, 1000);
  for (const size_t most : {1u, 7u, 256u, 100'000u}) {
    TaskListing listing;
    int parts = 1;
    while (list(listing, most)) ++parts;
    const auto all = ids(listing);
    EXPECT_EQ(all.size(), 1000u) << most;
    EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end()) << most;
    EXPECT_EQ(parts == 1, most > 1000) << parts;
  }
}

TEST_F(TaskListingTest, TasksThatStayAreListedOnceWhateverComesAndGoesMeanwhile) {
  add(0, 500);
  TaskListing listing;
  for (int i = 0; list(listing, 20); ++i) {
    if (i % 3 == 0 && i < 60) add(500 + i * 50, 500 + i * 50 + 100);  // laid out anew some times
    if (i < 400 && i % 2 == 1) {
      fixture_.end("F-marathon", "web." + std::to_string(i));
      fixture_.update();
    }
  }
  const auto all = ids(listing);
  EXPECT_EQ(std::adjacent_find(all.begin(), all.end()), all.end());
  for (int i = 0; i < 500; i += 2) {
    EXPECT_TRUE(std::binary_search(all.begin(), all.end(), "web." + std::to_string(i))) << i;
  }
}

TEST_F(TaskListingTest, OnlyTasksThatHaveRecordsAreListedAndAllFrameworksAre) {
  MesosTask staging = task_of("F-marathon", "web.1", "9.0.0.1");
  staging.state = MesosTaskState::kStaging;
  fixture_.add(staging);
  add(2, 3);
  TaskListing listing;
  while (list(listing, 10)) {
  }
  EXPECT_EQ(ids(listing), std::vector<std::string>{"web.2"});
  EXPECT_EQ(listing.frameworks.size(), 2u);
}

TEST_F(TaskListingTest, AnEnumerationHasEachRecordWithTheFirstTaskThatHasIt) {
  fixture_.add(task_of("F-marathon", "web.2", "9.0.0.1"));
  fixture_.add(task_of("F-marathon", "web.1", "9.0.0.1"));
  fixture_.update();
  TaskListing listing;
  while (list(listing, 10)) {
  }
  const std::string text = mesos_dns_enumeration_text(listing);
  const size_t first = text.find("\"id\": \"web.1\"");
  const size_t second = text.find("\"id\": \"web.2\"");
  const std::string shared =
      "\"name\": \"web.marathon.mesos.\",\n       \"host\": \"9.0.0.1\",\n       \"rtype\": \"A\"";
  ASSERT_NE(first, std::string::npos);
  ASSERT_LT(first, second);
  EXPECT_THAT(text.substr(first, second - first), HasSubstr(shared));
  EXPECT_THAT(text.substr(second), Not(HasSubstr(shared)));
  EXPECT_TRUE(
      text.starts_with("{\n \"frameworks\": [\n  {\n   \"tasks\": [],\n   \"name\": \"kafka\"\n"))
      << text.substr(0, 200);
}

}  // namespace
}  // namespace vipgate::task_listing_test
