#include "controlplane/mesos/shared_text.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace vipgate::shared_text_test {
namespace {

TEST(SharedText, ACopyHasTheSameOctetsAndOutlivesWhatItWasCopiedFrom) {
  auto first = std::make_unique<SharedText>("redis.1");
  const SharedText copy = *first;
  EXPECT_EQ(copy.view().data(), first->view().data());
  first.reset();
  EXPECT_EQ(copy.view(), "redis.1");
}

TEST(SharedText, TextsOfEqualOctetsAreEqualWhereverTheyLie) {
  const SharedText text = std::string("redis.1");
  EXPECT_EQ(text, SharedText("redis.1"));
  EXPECT_NE(text, SharedText("redis.2"));
  EXPECT_NE(text, SharedText());
  EXPECT_EQ(SharedText(), SharedText(""));
  std::unordered_map<SharedText, int> numbers = {{text, 1}, {"", 2}};
  EXPECT_EQ(numbers.at("redis.1"), 1);
  EXPECT_EQ(numbers.at({}), 2);
}

TEST(SharedText, TheirOrderIsThatOfTheirOctets) {
  EXPECT_LT(SharedText(), SharedText("a"));
  EXPECT_LT(SharedText("a"), SharedText("aa"));
  EXPECT_LT(SharedText("aa"), SharedText("b"));
}

TEST(SharedText, WhatIsAssignedReplacesWhatWasThere) {
  SharedText text = "a";
  text = "b";
  EXPECT_EQ(text, "b");
  const SharedText& itself = text;
  text = itself;
  EXPECT_EQ(text, "b");
  const SharedText moved = std::move(text);
  EXPECT_EQ(moved, "b");
}

}  // namespace
}  // namespace vipgate::shared_text_test
