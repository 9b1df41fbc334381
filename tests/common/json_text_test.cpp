#include "common/json_text.h"

#include <gtest/gtest.h>

namespace vipgate::json_text_test {
namespace {

TEST(JsonText, PlainTextIsQuoted) { EXPECT_EQ(json_quote("redis.marathon"), "\"redis.marathon\""); }

TEST(JsonText, QuotesBackslashesAndControlCharactersAreEscaped) {
  EXPECT_EQ(json_quote("a\"b\\c\n\t"), R"("a\"b\\c\u000a\u0009")");
  EXPECT_EQ(json_quote(std::string_view("\0\x7f", 2)), R"("\u0000\u007f")");
}

TEST(JsonText, Utf8PassesUnchanged) {
  EXPECT_EQ(json_quote("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
}

TEST(JsonText, BytesThatAreNotUtf8AreReplaced) {
  EXPECT_EQ(json_quote("a\xff"), R"("a\ufffd")");
  EXPECT_EQ(json_quote("\xc3"), R"("\ufffd")");                      // cut short
  EXPECT_EQ(json_quote("\xc0\xaf"), R"("\ufffd\ufffd")");            // overlong
  EXPECT_EQ(json_quote("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");  // surrogate
  EXPECT_EQ(json_quote("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");
}

}  // namespace
}  // namespace vipgate::json_text_test
