#include "controlplane/log_line.h"

#include <gtest/gtest.h>

namespace vipgate::log_line_test {
namespace {

std::string line() {
  return packed_line("real_down",
                     {{"service", "11.0.0.1:80:tcp"},
                      {"why", "no answer: \"timed out\""},
                      {"code", 503},
                      {"empty", ""},
                      LogField::json("before", R"({"a":1})"),
                      LogField::json("after", "")},
                     "real 10.0.0.1:80 is down");
}

TEST(LogLine, TextHasTheSentenceAsItIsAndQuotesOnlyWhereTheyAreNeeded) {
  const std::string packed = line();
  const PackedLine parts(packed);
  EXPECT_EQ(parts.sentence, "real 10.0.0.1:80 is down");
  EXPECT_EQ(parts.fields_as_text(),
            R"(event=real_down service=11.0.0.1:80:tcp why="no answer: \"timed out\"" code=503)"
            R"( empty="" before={"a":1} after=null)");
}

TEST(LogLine, JsonHasEachFieldAsAMember) {
  const std::string packed = line();
  EXPECT_EQ(PackedLine(packed).fields_as_json(),
            R"(,"event":"real_down","service":"11.0.0.1:80:tcp","why":"no answer: \"timed out\"",)"
            R"("code":503,"empty":"","before":{"a":1},"after":null)");
}

TEST(LogLine, AUsualLineHasNoFields) {
  const PackedLine parts("store: it = works");
  EXPECT_EQ(parts.sentence, "store: it = works");
  EXPECT_EQ(parts.fields_as_text(), "");
  EXPECT_EQ(parts.fields_as_json(), "");
}

TEST(LogLine, NobodyWhoIsNamedInALineCanAddAField) {
  const std::string evil =
      "x\x1f"
      "event=\"ready\"";
  const std::string packed = packed_line("audit", {{"who", evil}}, "by " + evil);
  EXPECT_EQ(PackedLine(packed).fields_as_json(),
            R"(,"event":"audit","who":"x\u001fevent=\"ready\"")");
  EXPECT_EQ(PackedLine(packed).sentence, "by x event=\"ready\"");
}

}  // namespace
}  // namespace vipgate::log_line_test
