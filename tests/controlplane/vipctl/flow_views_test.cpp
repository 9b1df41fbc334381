#include "controlplane/vipctl/flow_views.h"

#include <gtest/gtest.h>

namespace vipgate {
namespace {

using web::json::value;

constexpr const char* kKnown =
    R"({"worker":1,"protocol":"tcp","source":"192.0.2.1:40000","destination":"11.0.0.1:6379",
        "service":"redis","real":"10.1.0.10:31000","snat":"198.18.0.1:1025",
        "state":"established","idle_ms":1250,"expires_ms":88750})";
// Of a service that is gone.
constexpr const char* kUnknown =
    R"({"worker":0,"protocol":"udp","source":"192.0.2.2:5","destination":"11.0.0.1:53",
        "state":"one_way","expires_ms":250})";

value flows_answer(const std::string& flows, int matched) {
  return value::parse(R"({"flows":[)" + flows + R"(],"matched":)" + std::to_string(matched) +
                      R"(,"looked_at":9,"is_whole":true})");
}

TEST(VipctlFlowViews, AFlowIsALineAndADashWhatIsNotKnown) {
  EXPECT_EQ(flows_view(flows_answer(std::string(kKnown) + "," + kUnknown, 2)),
            "PROTO  SOURCE           DESTINATION    REAL             SNAT             STATE        "
            "IDLE\n"
            "tcp    192.0.2.1:40000  11.0.0.1:6379  10.1.0.10:31000  198.18.0.1:1025  established  "
            "1.25 s\n"
            "udp    192.0.2.2:5      11.0.0.1:53    -                -                one_way      "
            "-\n");
}

TEST(VipctlFlowViews, WideHasWhenItEndsTheWorkerAndTheService) {
  const std::string text = flows_view(flows_answer(kKnown, 1), {.is_wide = true});
  EXPECT_NE(text.find("IDLE    ENDS IN  WORKER  SERVICE\n"), std::string::npos) << text;
  EXPECT_NE(text.find("1.25 s  88.75 s  1       redis\n"), std::string::npos) << text;
}

TEST(VipctlFlowViews, SaysHowManyThereAreIfTheLimitLeftSomeOut) {
  EXPECT_NE(flows_view(flows_answer(kKnown, 7)).find("\n1 of 7 flows are shown: "),
            std::string::npos);
  EXPECT_EQ(flows_view(flows_answer(kKnown, 1)).find("are shown"), std::string::npos);
}

}  // namespace
}  // namespace vipgate
