#include "perf/generator/options.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace vipgate::options_test {
namespace {

using namespace generator;  // NOLINT(google-build-using-namespace)
using ::testing::HasSubstr;

Result<Options> parse(std::vector<std::string> more) {
  std::vector<std::string> words = {
      "vipgen", "--edge", "/e.sock", "--gateway-mac", "02:00:00:00:00:e1", "--vip", "11.1.1.1:514"};
  words.insert(words.end(), more.begin(), more.end());
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  bool help = false;
  return parse_options(static_cast<int>(argv.size()), argv.data(), help);
}

std::string mistake(std::vector<std::string> more) {
  const auto options = parse(std::move(more));
  return options.ok() ? "no mistake" : options.error();
}

TEST(VipgenOptions, DefaultsAreFlowsInTurnOfTheSmallestFrames) {
  const auto options = parse({"--packets", "10", "--rate", "1000"});
  ASSERT_TRUE(options.ok()) << options.error();
  EXPECT_EQ(options->kind, Kind::kFlows);
  EXPECT_EQ(options->vip, *parse_address_and_port("11.1.1.1:514"));
  EXPECT_TRUE(options->client.is_v4());
  EXPECT_EQ(options->sizes, std::vector<uint16_t>{64});
  EXPECT_EQ(options->packets, 10u);
}

TEST(VipgenOptions, AVipOfIpv6HasClientsAndSizesOfIpv6) {
  const auto parsed = [](std::vector<const char*> more) {
    std::vector<const char*> argv = {
        "vipgen", "--edge",         "/e.sock", "--gateway-mac", "02:00:00:00:00:e1",
        "--vip",  "[fd01:c::1]:514"};
    argv.insert(argv.end(), more.begin(), more.end());
    bool help = false;
    return parse_options(static_cast<int>(argv.size()), argv.data(), help);
  };
  const auto options = parsed({});
  ASSERT_TRUE(options.ok()) << options.error();
  EXPECT_EQ(to_string(options->client), "2001:db8:1::1");
  EXPECT_EQ(options->sizes, std::vector<uint16_t>{84});
  EXPECT_THAT(parsed({"--sizes", "64"}).error(), HasSubstr("--sizes: '64' is no size"));
  EXPECT_THAT(parsed({"--client", "10.0.0.1"}).error(),
              HasSubstr("--client: '10.0.0.1' is not of IPv6, as --vip is"));
}

TEST(VipgenOptions, MistakesNameTheOptionAndTheMend) {
  EXPECT_THAT(mistake({"--kind", "tcp"}), HasSubstr("--kind"));
  EXPECT_THAT(mistake({"--flows", "0"}), HasSubstr("--flows"));
  EXPECT_THAT(mistake({"--zipf", "-1"}), HasSubstr("--zipf"));
  EXPECT_THAT(mistake({"--client", "10.1"}), HasSubstr("--client: "));
  EXPECT_THAT(mistake({"--client", "::1"}),
              HasSubstr("--client: '::1' is not of IPv4, as --vip is"));
  EXPECT_THAT(mistake({"--sizes", "20"}), HasSubstr("--sizes: '20' is no size of a frame"));
  EXPECT_THAT(mistake({"--burst", "257"}), HasSubstr("--burst"));
  EXPECT_THAT(mistake({"--packets", "9"}), HasSubstr("--packets needs --rate"));
  EXPECT_THAT(mistake({"--rate", "9"}), HasSubstr("--packets"));
  EXPECT_THAT(mistake({"--kind", "syn", "--answer"}), HasSubstr("--answer is for --kind flows"));
  EXPECT_THAT(mistake({"--kind", "dns"}), HasSubstr("--names and --kind dns go together"));
  EXPECT_THAT(mistake({"--names", "x"}), HasSubstr("--names and --kind dns go together"));
  EXPECT_THAT(mistake({"--nonsense"}), HasSubstr("--nonsense"));
}

TEST(VipgenOptions, NamesAreReadAndAMistakeNamesItsLine) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "vipgen_names.txt";
  std::ofstream(path) << "# ours\n\na.example\nb.example. AAAA\n";
  auto options = parse({"--kind", "dns", "--names", path});
  ASSERT_TRUE(options.ok()) << options.error();
  EXPECT_EQ(options->questions.size(), 2u);
  std::ofstream(path) << "a.example\nb..example\n";
  EXPECT_THAT(mistake({"--kind", "dns", "--names", path}),
              HasSubstr("vipgen_names.txt:2: 'b..example' is no name"));
  std::ofstream(path) << "a.example MX\n";
  EXPECT_THAT(mistake({"--kind", "dns", "--names", path}), HasSubstr(":1: 'MX' is no type"));
  std::ofstream(path) << "#\n";
  EXPECT_THAT(mistake({"--kind", "dns", "--names", path}), HasSubstr("has no question"));
  std::filesystem::remove(path);
  EXPECT_THAT(mistake({"--kind", "dns", "--names", path}), HasSubstr("cannot read"));
}

}  // namespace
}  // namespace vipgate::options_test
