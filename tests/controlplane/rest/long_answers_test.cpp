#include "controlplane/rest/long_answers.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace vipgate::long_answers_test {
namespace {

// What is made is finished by the test.
class LongAnswersTest : public ::testing::Test {
 protected:
  void ask(const std::string& who, const std::string& what) {
    answers_->ask(
        what, who,
        [this, what](const LongAnswers::Finish& finish) {
          begun_.push_back(what);
          finish_ = finish;
        },
        [this, who](const ApiResponse& response) { told_[who] = response; });
  }
  void finish(const std::string& body, int status = 200) {
    const LongAnswers::Finish now = finish_;
    now({.status = status, .body = body});
  }

  const std::shared_ptr<LongAnswers> answers_ = std::make_shared<LongAnswers>();
  std::vector<std::string> begun_;
  LongAnswers::Finish finish_;
  std::map<std::string, ApiResponse> told_;
};

TEST_F(LongAnswersTest, OneIsMadeAfterAnother) {
  ask("ann", "axfr");
  ask("bob", "vips");
  EXPECT_EQ(begun_, std::vector<std::string>{"axfr"});
  finish("A");
  EXPECT_EQ(*told_.at("ann").shared_body, "A");
  EXPECT_EQ(begun_.back(), "vips");
  finish("V");
  EXPECT_EQ(*told_.at("bob").shared_body, "V");
}

TEST_F(LongAnswersTest, WhoAsksBeforeItIsBegunSharesItAndWhoAsksLaterGetsANewerOne) {
  ask("first", "axfr");
  ask("ann", "axfr");
  ask("bob", "axfr");
  finish("old");
  EXPECT_EQ(*told_.at("first").shared_body, "old");
  EXPECT_EQ(told_.count("ann"), 0u);
  finish("new");
  EXPECT_EQ(*told_.at("ann").shared_body, "new");
  EXPECT_EQ(told_.at("ann").shared_body, told_.at("bob").shared_body);
  EXPECT_EQ(begun_.size(), 2u);
}

TEST_F(LongAnswersTest, AsLongAsTooManyAreBeingTakenNoneIsMade) {
  for (size_t i = 0; i < LongAnswers::kMost; ++i) {
    ask("client " + std::to_string(i), "axfr");
    finish("text");
  }
  ask("ann", "axfr");
  EXPECT_EQ(told_.at("ann").status, 503);
  EXPECT_EQ(told_.at("ann").headers.front().first, "Retry-After");
  EXPECT_EQ(begun_.size(), LongAnswers::kMost);
  told_.erase("client 1");  // it has all
  ask("bob", "axfr");
  finish("text");
  EXPECT_EQ(told_.at("bob").status, 200);
}

TEST_F(LongAnswersTest, AClientThatIsSlowKeepsNoOtherWaiting) {
  const auto many = std::make_shared<LongAnswers>(16);
  std::vector<ApiResponse> slow, other;
  LongAnswers::Finish finish;
  const auto ask_of = [&](const std::string& what, const std::string& client,
                          std::vector<ApiResponse>& told) {
    many->ask(
        what, client, [&](const LongAnswers::Finish& made) { finish = made; },
        [&told](const ApiResponse& response) { told.push_back(response); });
  };
  for (int i = 0; i < 5; ++i) {
    ask_of(std::to_string(i), "slow", slow);
    if (finish) std::exchange(finish, nullptr)({.body = "text"});
  }
  EXPECT_EQ(slow[3].status, 200);
  EXPECT_EQ(slow[4].status, 503) << "it takes four already";
  EXPECT_EQ(slow[4].headers.front().first, "Retry-After");
  ask_of("x", "other", other);
  finish({.body = "text"});
  EXPECT_EQ(other.at(0).status, 200);
  slow.erase(slow.begin());  // it has all of it
  ask_of("y", "slow", slow);
  finish({.body = "text"});
  EXPECT_EQ(slow.back().status, 200);
}

TEST_F(LongAnswersTest, ATextThatManyOfAClientShareCountsOnce) {
  ask("first", "axfr");
  std::vector<ApiResponse> told;
  for (int i = 0; i < 10; ++i) {
    answers_->ask(
        "vips", "one", [this](const LongAnswers::Finish& made) { finish_ = made; },
        [&told](const ApiResponse& response) { told.push_back(response); });
  }
  finish("A");
  finish("V");
  ASSERT_EQ(told.size(), 10u);
  for (const ApiResponse& each : told) EXPECT_EQ(*each.shared_body, "V");
  ask("one", "enumerate");
  finish("E");
  EXPECT_EQ(told_.at("one").status, 200);
}

TEST_F(LongAnswersTest, RefusalsTakeNoRoom) {
  for (size_t i = 0; i <= LongAnswers::kMost; ++i) {
    ask(std::to_string(i), "axfr");
    finish("not now", 503);
    EXPECT_EQ(told_.at(std::to_string(i)).body, "not now");
  }
  EXPECT_EQ(begun_.size(), LongAnswers::kMost + 1);
}

}  // namespace
}  // namespace vipgate::long_answers_test
