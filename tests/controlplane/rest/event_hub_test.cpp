#include "controlplane/rest/event_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace vipgate::event_hub_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct Listener {
  std::shared_ptr<void> listen(EventHub& hub, const std::string& last = {}) {
    return hub.listen(last, [this](const std::string& block) { blocks.push_back(block); });
  }
  std::vector<std::string> blocks;
};

TEST(EventHub, WhoListensHearsWhatIsPublishedUntilTheHandleGoes) {
  const auto hub = std::make_shared<EventHub>("7");
  hub->publish("early");
  Listener one;
  Listener two;
  auto first = one.listen(*hub);
  const auto second = two.listen(*hub);
  hub->publish("port", {{"port", "e\"ge"}, {"count", 7u}});
  first.reset();
  hub->publish("ready");
  EXPECT_THAT(one.blocks, ElementsAre(MatchesRegex(
                              "id: 7-2\nevent: port\ndata: "
                              "\\{\"at_ms\":[0-9]+,\"port\":\"e\\\\\"ge\",\"count\":7\\}\n\n")));
  EXPECT_THAT(two.blocks, ElementsAre(one.blocks[0], StartsWith("id: 7-3\nevent: ready\n")));
}

TEST(EventHub, WhoComesBackHearsWhatItHasMissedAndThatThereWasMore) {
  const auto hub = std::make_shared<EventHub>("7");
  for (int i = 1; i <= 3; ++i) hub->publish("x");
  Listener back;
  const auto handle = back.listen(*hub, "7-1");
  EXPECT_THAT(back.blocks, ElementsAre(StartsWith("id: 7-2\n"), StartsWith("id: 7-3\n")));
  Listener current;
  const auto other = current.listen(*hub, "7-3");
  EXPECT_THAT(current.blocks, IsEmpty());

  for (size_t i = 0; i < EventHub::kKept; ++i) hub->publish("x");
  Listener late;
  const auto third = late.listen(*hub, "7-2");
  ASSERT_THAT(late.blocks, SizeIs(EventHub::kKept + 1));
  EXPECT_THAT(late.blocks[0], StartsWith("event: missed\n"));
  EXPECT_THAT(late.blocks[1], StartsWith("id: 7-4\n"));

  for (const char* id : {"6-4", "7-1000000", "7-", "7", "77-4", "4", "x"}) {
    Listener of_another_life;
    const auto handle_of_it = of_another_life.listen(*hub, id);
    ASSERT_THAT(of_another_life.blocks, SizeIs(EventHub::kKept + 1)) << id;
    EXPECT_THAT(of_another_life.blocks[0], StartsWith("event: missed\n")) << id;
  }
}

TEST(EventHub, ThereAreOnlySoManyListenersAndOneThatGoesMakesRoom) {
  const auto hub = std::make_shared<EventHub>("7");
  Listener listener;
  std::vector<std::shared_ptr<void>> handles;
  for (size_t i = 0; i < EventHub::kListeners; ++i) handles.push_back(listener.listen(*hub));
  EXPECT_THAT(handles, ::testing::Each(::testing::NotNull()));
  EXPECT_EQ(listener.listen(*hub), nullptr);
  EXPECT_TRUE(hub->is_full());
  handles.pop_back();
  EXPECT_FALSE(hub->is_full());
  EXPECT_NE(listener.listen(*hub), nullptr);
}

}  // namespace
}  // namespace vipgate::event_hub_test
