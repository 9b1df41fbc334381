#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>

#include "controlplane/config/config_reader.h"

namespace vipgate::config_mutation_test {
namespace {

// One random change of the kinds that people and broken disks make.
void mutate(std::string& text, std::mt19937& random) {
  static constexpr std::string_view kPieces[] = {
      "\n",       "  ",   "\t",   ":",     ": ",
      "- ",       "[",    "]",    "{",     "}",
      ",",        "'",    "\"",   "&a",    "*a",
      "#",        "|",    ">",    "---\n", "? ",
      "!!",       "\\x",  "0",    "-1",    "99999999999999999999",
      "~",        "null", "true", "%",     "@",
      "\xc3\xa9", "\xff"};
  const auto below = [&](size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random);
  };
  if (text.empty()) text = "a";
  const size_t at = below(text.size());
  switch (below(6)) {
    case 0:
      text.erase(at, 1 + below(4));
      break;
    case 1:
      text.insert(at, kPieces[below(std::size(kPieces))]);
      break;
    case 2:
      text[at] = static_cast<char>(below(256));
      break;
    case 3: {  // repeat a piece elsewhere
      const std::string piece = text.substr(at, below(200));
      text.insert(below(text.size()), piece);
      break;
    }
    case 4:
      text.resize(at);
      break;
    case 5: {  // drop a line
      const size_t begin = text.rfind('\n', at);
      const size_t end = text.find('\n', at);
      if (begin != std::string::npos && end != std::string::npos) text.erase(begin, end - begin);
      break;
    }
  }
}

TEST(ConfigReader, NoMutationOfAGoodFileMakesItCrashOrThrow) {
  std::ifstream file(VIPGATE_SOURCE_DIR "/config/vipgated.yaml");
  std::ostringstream original;
  original << file.rdbuf();
  ASSERT_FALSE(original.view().empty());
  std::mt19937 random(20260101);
  int refused = 0;
  constexpr int kRounds = 4000;
  for (int round = 0; round < kRounds; ++round) {
    std::string text = original.str();
    for (int changes = 1 + round % 5; changes > 0; --changes) mutate(text, random);
    const auto config = parse_config(text, "f");
    if (config.ok()) continue;
    ++refused;
    std::istringstream lines(config.error());
    for (std::string line; std::getline(lines, line);) {
      ASSERT_TRUE(line.starts_with("f:")) << config.error();
    }
  }
  // Comments are most of the file, so some changes do no harm; most of them must be noticed.
  EXPECT_GT(refused, kRounds / 3);
  EXPECT_LT(refused, kRounds);
}

}  // namespace
}  // namespace vipgate::config_mutation_test
