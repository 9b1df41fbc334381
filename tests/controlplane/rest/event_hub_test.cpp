#include "controlplane/rest/event_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace vipgate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct Listener {
  std::shared_ptr<void> listen(EventHub& hub, uint64_t last = 0) {
    return hub.listen(last, [this](const std::string& block) { blocks.push_back(block); });
  }
  std::vector<std::string> blocks;
};

TEST(EventHub, WhoListensHearsWhatIsPublishedUntilTheHandleGoes) {
  const auto hub = std::make_shared<EventHub>();
  hub->publish("early", "");
  Listener one;
  Listener two;
  auto first = one.listen(*hub);
  const auto second = two.listen(*hub);
  hub->publish("port", "\"port\":\"edge\"");
  first.reset();
  hub->publish("ready", "");
  EXPECT_THAT(one.blocks,
              ElementsAre(MatchesRegex(
                  "id: 2\nevent: port\ndata: \\{\"at_ms\":[0-9]+,\"port\":\"edge\"\\}\n\n")));
  EXPECT_THAT(two.blocks, ElementsAre(one.blocks[0], StartsWith("id: 3\nevent: ready\n")));
}

TEST(EventHub, WhoComesBackHearsWhatItHasMissedAndThatThereWasMore) {
  const auto hub = std::make_shared<EventHub>();
  for (int i = 1; i <= 3; ++i) hub->publish("x", "");
  Listener back;
  const auto handle = back.listen(*hub, 1);
  EXPECT_THAT(back.blocks, ElementsAre(StartsWith("id: 2\n"), StartsWith("id: 3\n")));
  Listener current;
  const auto other = current.listen(*hub, 3);
  EXPECT_THAT(current.blocks, IsEmpty());

  for (size_t i = 0; i < EventHub::kKept; ++i) hub->publish("x", "");
  Listener late;
  const auto third = late.listen(*hub, 2);
  ASSERT_THAT(late.blocks, SizeIs(EventHub::kKept + 1));
  EXPECT_THAT(late.blocks[0], StartsWith("event: missed\n"));
  EXPECT_THAT(late.blocks[1], StartsWith("id: 4\n"));

  Listener of_another_life;
  const auto fourth = of_another_life.listen(*hub, 1'000'000);
  EXPECT_THAT(of_another_life.blocks, SizeIs(EventHub::kKept + 1));
}

TEST(EventHub, ThereAreOnlySoManyListenersAndOneThatGoesMakesRoom) {
  const auto hub = std::make_shared<EventHub>();
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
}  // namespace vipgate
