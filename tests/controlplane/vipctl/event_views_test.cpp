#include "controlplane/vipctl/event_views.h"

#include <gmock/gmock.h>

namespace vipgate {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

std::string line(const char* type, const char* data, const ViewStyle& style = {}) {
  const auto text = event_line(type, data, style);
  return text ? *text : "error: " + text.error();
}

TEST(VipctlEventViews, AnEventIsALineWithItsTimeAndASentence) {
  EXPECT_THAT(
      line("port", R"({"at_ms":1764284000042,"port":"edge","link":"down"})"),
      ::testing::MatchesRegex("[0-9]+:[0-9]+:[0-9]+[.]042 port       edge has link down\n"));
  EXPECT_THAT(event_line("port", "[]").ok(), false);
}

TEST(VipctlEventViews, EachTypeHasASentenceOfItsOwn) {
  const struct {
    const char* type;
    const char* data;
    const char* end;
  } kCases[] = {
      {"real", R"({"at_ms":1,"service":"11.0.0.1:80:tcp","real":"10.0.0.5:80","state":"up"})",
       "real       10.0.0.5:80 of 11.0.0.1:80:tcp is up\n"},
      {"more_reals", R"({"at_ms":1,"count":7})", "7 more reals changed, too many to tell singly\n"},
      {"snapshot", R"({"at_ms":1,"version":3,"services":2,"reals":9})",
       "snapshot   3 is in force: 2 services, 9 reals\n"},
      {"source", R"({"at_ms":1,"source":"mesos.0","state":"stale"})",
       "mesos.0 is not heard of: its last state is served\n"},
      {"source", R"({"at_ms":1,"source":"mesos.0","state":"followed"})", "mesos.0 is followed\n"},
      {"workers", R"({"at_ms":1,"state":"stuck"})", "a worker is stuck\n"},
      {"limit", R"({"at_ms":1,"what":"reals","entries":95,"most":100,"state":"near"})",
       "reals: 95 of 100 are used: nearly full\n"},
      {"limit",
       R"({"at_ms":1,"what":"reals","entries":95,"most":100,"state":"near","setting":"limits.reals"})",
       "reals: 95 of 100 are used: nearly full; raise limits.reals\n"},
      {"limit", R"({"at_ms":1,"what":"snat","state":"full","detail":"pool a"})",
       "snat: full: pool a\n"},
      {"reload", R"({"at_ms":1,"state":"refused","detail":"v.yaml:1:1: x"})",
       "refused: v.yaml:1:1: x\n"},
      {"ready", R"({"at_ms":1})", "all workers serve\n"},
  };
  for (const auto& one : kCases) EXPECT_THAT(line(one.type, one.data), EndsWith(one.end));
}

TEST(VipctlEventViews, ATypeOfANewerGatewayIsShownWithAllItSays) {
  EXPECT_THAT(line("later", R"({"at_ms":1,"a":"x","b":2})"), EndsWith(" later      a=x b=2\n"));
}

TEST(VipctlEventViews, WhatATaskCallsItselfDoesNothingToTheTerminal) {
  const char* data = R"({"at_ms":1,"state":"refused","detail":"a\nb\u001b[31m\u007f\u009b é"})";
  EXPECT_THAT(line("reload", data), HasSubstr("a\\x0ab\\x1b[31m\\x7f\\x9b é\n"));
  EXPECT_THAT(line("x\x1b[2J", R"({"at_ms":1})"), EndsWith(" x\\x1b[2J\n"));
}

TEST(VipctlEventViews, ColoursTellGoodFromBad) {
  const ViewStyle colors{.has_colors = true};
  EXPECT_THAT(line("workers", R"({"at_ms":1,"state":"stuck"})", colors),
              HasSubstr("\x1b[1;31ma worker is stuck\x1b[0m"));
  EXPECT_THAT(line("ready", R"({"at_ms":1})", colors), HasSubstr("\x1b[32mall"));
}

}  // namespace
}  // namespace vipgate
