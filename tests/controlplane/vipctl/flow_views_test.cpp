#include "controlplane/vipctl/flow_views.h"

#include <gtest/gtest.h>

namespace vipgate::flow_views_test {
namespace {

web::json::value told(const char* text) { return web::json::value::parse(text); }

constexpr char kTwo[] = R"({"flows":[
  {"worker":0,"protocol":"tcp","source":"192.0.2.1:40000","destination":"11.0.0.1:6379",
   "service":"redis","real":"10.1.0.10:31000","snat":"198.18.0.1:1025","state":"established",
   "idle_ms":1250,"expires_ms":3599000},
  {"worker":1,"protocol":"udp","source":"[2001:db8::1]:53","destination":"[fd01:c::1]:53",
   "state":"one_way","expires_ms":500}],
  "matched":5,"looked_at":9,"is_whole":false})";

TEST(FlowViews, EachFlowIsALineAsIpvsadmHasItAndWhatIsLeftOutIsSaid) {
  EXPECT_EQ(flows_view(told(kTwo), {}),
            "PRO  EXPIRE  STATE        SOURCE            VIRTUAL          REAL\n"
            "tcp  59:59   established  192.0.2.1:40000   11.0.0.1:6379    10.1.0.10:31000\n"
            "udp  00:00   one_way      [2001:db8::1]:53  [fd01:c::1]:53   -\n"
            "2 of 5 flows; --limit shows more\n");
}

TEST(FlowViews, WideShowsWhatTheRealSeesToo) {
  const std::string text = flows_view(told(kTwo), {.is_wide = true});
  EXPECT_NE(text.find("198.18.0.1:1025  00:01  0       redis\n"), std::string::npos) << text;
  EXPECT_NE(text.find("-                -      1       -\n"), std::string::npos) << text;
}

TEST(FlowViews, WithoutFlowsOnlyTheirNumberIsShown) {
  EXPECT_EQ(flows_view(told(R"({"flows":[],"matched":0,"looked_at":9,"is_whole":true})"), {}),
            "0 of 0 flows\n");
}

}  // namespace
}  // namespace vipgate::flow_views_test
