#include "controlplane/mesos/json_list_cutter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace vipgate::json_list_cutter_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Seen {
  std::vector<std::string> items;
  std::string frame;
  bool is_whole = false;
  bool operator==(const Seen&) const = default;
};

// As it comes: `piece` octets at a time, behind what was not taken before.
Seen cut(std::string_view json, size_t piece) {
  Seen seen;
  JsonListCutter cutter([](std::string_view path) { return path == "/a/list" ? 7 : -1; });
  std::string begun;
  for (size_t at = 0; at < json.size(); at += piece) {
    begun += json.substr(at, piece);
    // So long as the octets are, and no longer, so that the address sanitizer sees what is read.
    std::string padded = begun + std::string(64, '"');
    padded.shrink_to_fit();
    const size_t taken = cutter.take(std::string_view(padded).substr(0, begun.size()),
                                     [&](int list, std::string_view item) {
                                       EXPECT_EQ(list, 7);
                                       seen.items.emplace_back(item);
                                     });
    begun.erase(0, taken);
  }
  seen.frame = cutter.frame();
  seen.is_whole = begun.empty() && cutter.is_whole();
  return seen;
}

// The pieces must not matter.
Seen cut(std::string_view json) {
  const Seen whole = cut(json, json.size());
  for (const size_t piece : {1, 2, 3, 7, 63, 64, 65}) EXPECT_EQ(cut(json, piece), whole) << piece;
  return whole;
}

TEST(JsonListCutter, ItemsOfTheListAreCutOutAndTheRestStays) {
  const Seen seen = cut(R"({"x":[1,{"y":2}],"a":{"list":[{"n":1}, {"n":[2,{}]} ],"b":3},"c":"d"})");
  EXPECT_THAT(seen.items, ElementsAre(R"({"n":1})", R"({"n":[2,{}]})"));
  EXPECT_EQ(seen.frame, R"({"x":[1,{"y":2}],"a":{"list":[],"b":3},"c":"d"})");
  EXPECT_TRUE(seen.is_whole);
}

TEST(JsonListCutter, OnlyThePathDecidesWhichListIsMeant) {
  const std::string json =
      R"({"list":[1],"a":[{"list":[2]}],"b":{"a":{"list":[3]}},"a":{"list":{}}})";
  const Seen seen = cut(json);
  EXPECT_THAT(seen.items, IsEmpty());
  EXPECT_EQ(seen.frame, json);
  EXPECT_TRUE(seen.is_whole);
}

TEST(JsonListCutter, BracketsQuotesAndBackslashesInTextsEndNothing) {
  const std::string item = R"({"k]}":"\"}]\\","l":"\\\\\"","m":"[[[{{{"})";
  for (size_t shift = 0; shift < 130; ++shift) {
    const std::string before(shift, ' ');
    const Seen seen = cut(R"({"a":{"list":[)" + before + item + "," + before + item + "]}}");
    EXPECT_THAT(seen.items, ElementsAre(item, item)) << shift;
    EXPECT_TRUE(seen.is_whole);
  }
}

TEST(JsonListCutter, RunsOfBackslashesOfAnyLengthAreCounted) {
  for (size_t count = 0; count < 140; ++count) {
    const std::string item = "{\"k\":\"" + std::string(2 * count, '\\') + "\"}";
    const Seen seen = cut(R"({"a":{"list":[)" + item + "]}}");
    EXPECT_THAT(seen.items, ElementsAre(item)) << count;
  }
}

TEST(JsonListCutter, ItemsLongerThanManyBlocksAndDeeplyNestedAreWhole) {
  std::string item(300, '[');
  for (int i = 0; i < 300; ++i) item += R"({"text":"0123456789"},)";
  item += "1" + std::string(300, ']');
  EXPECT_THAT(cut(R"({"a":{"list":[)" + item + "]}}").items, ElementsAre(item));
}

TEST(JsonListCutter, PlainItemsAreItemsToo) {
  const Seen seen = cut(R"({"a":{"list":[1, null ,"a,b]\"","",-2.5e3,true]}})");
  EXPECT_THAT(seen.items, ElementsAre("1", "null", R"("a,b]\"")", R"("")", "-2.5e3", "true"));
  EXPECT_TRUE(seen.is_whole);
}

TEST(JsonListCutter, EmptyListsHaveNoItems) {
  const Seen seen = cut(R"({"a":{"list":[ ]}})");
  EXPECT_THAT(seen.items, IsEmpty());
  EXPECT_EQ(seen.frame, R"({"a":{"list":[]}})");
}

TEST(JsonListCutter, WhatCannotBeIsNotWhole) {
  for (const char* json : {R"({"a":{"list":[1,]}})", R"({"a":{"list":[,1]}})",
                           R"({"a":{"list":[{} {}]}})", R"({"a":{"list":[1,,2]}})",
                           R"({"a":{"list":[1)", R"({"a":{"list":[{"x":"]}})", "]", "{}}"}) {
    EXPECT_FALSE(cut(json).is_whole) << json;
  }
  EXPECT_FALSE(cut(std::string(5000, '[')).is_whole);
}

TEST(JsonListCutter, NothingIsKeptOfAListWithoutAnEnd) {
  JsonListCutter cutter([](std::string_view path) { return path == "/a/list" ? 7 : -1; });
  size_t items = 0;
  std::string head = R"({"a":{"list":[)";
  std::string part;
  for (int i = 0; i < 10'000; ++i) part += R"({"x":1},)";
  for (std::string* text : {&head, &part, &part, &part}) {
    const size_t size = text->size();
    text->resize(size + 64);
    const auto count = [&](int, std::string_view) { ++items; };
    EXPECT_EQ(cutter.take(std::string_view(*text).substr(0, size), count), size);
    text->resize(size);
  }
  EXPECT_EQ(items, 30'000u);
  EXPECT_EQ(cutter.frame(), head);
}

}  // namespace
}  // namespace vipgate::json_list_cutter_test
