#include "controlplane/rest/json_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vipgate::json_document_test {
namespace {

using ::testing::HasSubstr;

TEST(JsonDocument, WhatIsReadIsWrittenAgain) {
  const std::string text =
      R"({"a":[1,-2,0.5,1e3,true,false,null,"1","true","x\"y"],"b":{"c":{}},"d":[]})";
  Diagnostics diagnostics("body");
  const YamlNodePtr node = read_json(text, diagnostics);
  ASSERT_NE(node, nullptr) << diagnostics.text();
  Diagnostics again("body");
  const YamlNodePtr twice = read_json(to_json(*node), again);
  ASSERT_NE(twice, nullptr);
  EXPECT_EQ(to_json(*twice), to_json(*node));
  EXPECT_THAT(to_json(*node), HasSubstr(R"("1","true")")) << "texts stay texts";
  EXPECT_THAT(to_json(*node), HasSubstr(R"([1,-2,0.5,)")) << "numbers stay numbers";
}

TEST(JsonDocument, YamlIsWrittenAsJson) {
  Diagnostics diagnostics("body");
  const YamlNodePtr node =
      read_yaml("{a: 80, b: 8000-8100, c: \"80\", d: 007, e: [x, ~]}", diagnostics);
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(to_json(*node), R"({"a":80,"b":"8000-8100","c":"80","d":"007","e":["x",null]})");
}

TEST(JsonDocument, ABrokenTextIsRefused) {
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "[1] 2", "\xff", "nul"}) {
    Diagnostics diagnostics("body");
    EXPECT_EQ(read_json(text, diagnostics), nullptr) << text;
    EXPECT_THAT(diagnostics.text(), HasSubstr("JSON")) << text;
  }
}

TEST(JsonDocument, ATextThatIsTooDeepIsRefused) {
  Diagnostics diagnostics("body");
  EXPECT_EQ(read_json(std::string(1000, '[') + std::string(1000, ']'), diagnostics), nullptr);
}

TEST(JsonDocument, ATextOfTooManyValuesIsRefused) {
  Diagnostics diagnostics("body");
  std::string text = "[1";
  for (int i = 0; i < 4'000'000; ++i) text += ",1";
  EXPECT_EQ(read_json(text + "]", diagnostics), nullptr);
  EXPECT_THAT(diagnostics.text(), HasSubstr("more than 4000000"));
}

TEST(JsonDocument, APositionLeadsToItsField) {
  Diagnostics diagnostics("body");
  const YamlNodePtr node = read_json(R"({"a":[{"b":1},{"c":[2,3]}]})", diagnostics);
  ASSERT_NE(node, nullptr);
  const YamlNode& inner = *node->children[1]->children[1];
  const std::vector<SourcePosition> positions = {
      node->position, inner.children[1]->children[1]->position, inner.position, {999, 1}};
  EXPECT_EQ(fields_at(*node, positions), (std::vector<std::string>{"", "a[1].c[1]", "a[1]", ""}));
}

}  // namespace
}  // namespace vipgate::json_document_test
