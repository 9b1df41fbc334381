#include "controlplane/vipctl/yaml_text.h"

#include <gtest/gtest.h>

#include "controlplane/vipctl/api_client.h"

namespace vipgate {
namespace {

TEST(VipctlYamlText, IsTheSameTreeWithTheSameTypes) {
  const auto tree = parse_object(
      R"({"services":[{"name":"redis","port":6379,"up":true,"no":null,"part":0.5}],"empty":[]})");
  const auto text = yaml_text(*tree);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text,
            "services:\n  - name: redis\n    port: 6379\n    up: true\n    \"no\": ~\n"
            "    part: 0.5\nempty:\n  []\n");
}

TEST(VipctlYamlText, NumbersHaveTheFewestDigitsThatTellThem) {
  const auto tree = parse_object(R"({"a":156043.1,"b":0.1,"c":100000.0,"d":7,"e":-0.25})");
  const auto text = yaml_text(*tree);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "a: 156043.1\nb: 0.1\nc: 100000\nd: 7\ne: -0.25\n");
}

TEST(VipctlYamlText, AStringThatLooksLikeANumberIsQuotedAndControlCharactersAreWrittenOut) {
  const auto tree = parse_object(R"({"name":"123","bad":"\u001b[31m\u009b"})");
  const auto text = yaml_text(*tree);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(*text, "name: \"123\"\nbad: \"\\x1b[31m\\x9b\"\n");
}

TEST(VipctlYamlText, AStringIsOneForReadersOfYamlOneOneAsWell) {
  for (const char* word : {"no",
                           "No",
                           "NO",
                           "y",
                           "on",
                           "yes",
                           "Off",
                           "null",
                           "~",
                           "",
                           "=",
                           "<<",
                           "1e3",
                           "0x1F",
                           "017",
                           "0o17",
                           "1_000",
                           "1:30",
                           "190:20:30.5",
                           "+1",
                           "-.5",
                           ".inf",
                           "-.Inf",
                           ".NaN",
                           "0b101",
                           "2024-01-01",
                           "2024-01-01t00:00:00z",
                           "1.2"}) {
    web::json::value tree = web::json::value::object();
    tree["name"] = web::json::value::string(word);
    EXPECT_EQ(yaml_text(tree).value(), "name: \"" + std::string(word) + "\"\n");
  }
  for (const char* word : {"none", "yesterday", "redis-6", "10.9.1.11", "11.1.1.77:81:tcp", "5s",
                           "10.0.0.0/8", "v1.2", "a.b", "nan"}) {
    web::json::value tree = web::json::value::object();
    tree["name"] = web::json::value::string(word);
    EXPECT_EQ(yaml_text(tree).value(), "name: " + std::string(word) + "\n");
  }
}

}  // namespace
}  // namespace vipgate
