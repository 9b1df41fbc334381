#include "controlplane/vipctl/watch_views.h"

#include <gmock/gmock.h>

#include "controlplane/vipctl/api_client.h"
#include "controlplane/vipctl/pcapng_stream.h"

namespace vipgate {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

web::json::value told(const char* text) { return parse_object(text).value(); }

TEST(VipctlWatchViews, AnExplanationIsPrintedAsTheDaemonsCommandDoes) {
  EXPECT_EQ(explain_view(told(R"({"lines":[{"word":"packet","text":"tcp a > b"},
{"word":"affinity","text":"a client"}],"verdict":"forward"})")),
            "packet   tcp a > b\naffinity a client\n");
}

TEST(VipctlWatchViews, AForwardedPacketIsALineWithItsRealAndWhatLeft) {
  EXPECT_THAT(trace_line(told(R"({"packet":0,"verdict":"forward","service":"web",
"real":"10.9.1.11:8080","worker":0,"out":[{"port":"in"}],"time_ns":1700000000123456789,"stages":[
{"after_ns":0,"stage":"received","worker":0,"port":"edge","frame":"tcp 192.0.2.1:5 > 11.1.1.1:80"},
{"after_ns":900,"stage":"counted","worker":0,"events":[]},
{"after_ns":4200,"stage":"sent","worker":0,"port":"in","frame":"tcp 10.9.1.100:1 > 10.9.1.11:8080"}
]})")),
              AllOf(HasSubstr(".123456  edge      tcp 192.0.2.1:5 > 11.1.1.1:80   "),
                    EndsWith("  forward             web 10.9.1.11:8080, tcp 10.9.1.100:1 > "
                             "10.9.1.11:8080, by in, 4.2 us\n")));
}

TEST(VipctlWatchViews, ADroppedPacketIsALineWithTheReasonAndNoTerminalDoesWhatItSays) {
  EXPECT_THAT(trace_line(told(R"({"packet":0,"verdict":"drop","reason":"no_real",
"service":"a\u001b[2J","time_ns":1,"stages":[
{"after_ns":0,"stage":"received","port":"edge","frame":"udp a > b"}]})")),
              EndsWith("drop: no_real       a\\x1b[2J\n"));
}

std::string octets(std::initializer_list<uint8_t> list) { return {list.begin(), list.end()}; }

// A packet's block without a packet, and statistics that tell of 258 lost ones.
const std::string kPacket = octets({6, 0, 0, 0, 12, 0, 0, 0, 12, 0, 0, 0});
const std::string kStatistics =
    octets({5, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2,  2, 2, 2,
            5, 0, 8, 0, 2,  1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0});

TEST(VipctlPcapngStream, BlocksAreGivenOnWhenTheyAreWholeAndCounted) {
  PcapngStream stream;
  const std::string all = kPacket + kPacket + kStatistics;
  std::string given;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto taken = stream.take(all.substr(i, 1));
    ASSERT_TRUE(taken.ok());
    given += *taken;
    EXPECT_EQ(given.size(), i + 1 < 12 ? 0u : i + 1 < 24 ? 12u : i + 1 < all.size() ? 24u : i + 1);
  }
  EXPECT_EQ(given, all);
  EXPECT_EQ(stream.frames(), 2u);
  EXPECT_EQ(stream.lost(), 258u);
  EXPECT_EQ(*PcapngStream().take(all + "\6"), all) << "all at once, and the beginning of a block";
}

TEST(VipctlPcapngStream, WhatIsNoCaptureIsRefused) {
  EXPECT_FALSE(PcapngStream().take("{\"lines\":[]}").ok());
  EXPECT_FALSE(PcapngStream().take(octets({6, 0, 0, 0, 8, 0, 0, 0})).ok());
}

}  // namespace
}  // namespace vipgate
