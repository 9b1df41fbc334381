// The corpus of fuzz_pipeline, and simple mutants of it, where no fuzzer is built: in every run of
// the tests, and under the sanitizers.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

// Aborts where an invariant does not hold (tests/fuzz/pipeline_world.h).
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace vipgate::test::pipeline_corpus_test {
namespace {

constexpr int kMutantsOfEach = 50;

void tell(const std::string& story) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(story.data()), story.size());
}

// One to four changes: an octet, or a piece of another story in its place.
std::string mutant(std::string story, const std::string& other, std::mt19937& random) {
  for (size_t changes = 1 + random() % 4; changes > 0; --changes) {
    if (random() % 4 != 0) {
      story[random() % story.size()] = static_cast<char>(random());
      continue;
    }
    const std::string piece = other.substr(random() % other.size(), random() % 100);
    story.replace(random() % story.size(), random() % 4 == 0 ? 0 : piece.size(), piece);
  }
  return story;
}

TEST(PipelineCorpus, ItsStoriesAndMutantsOfThemKeepWhatMustHoldForEveryPacket) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(VIPGATE_SOURCE_DIR "/tests/fuzz/corpus/pipeline")) {
    paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  ASSERT_GT(paths.size(), 20u);
  std::vector<std::string> stories;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    stories.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    ASSERT_FALSE(stories.back().empty()) << path;
    tell(stories.back());
  }
  std::mt19937 random(7);
  for (const std::string& story : stories) {
    for (int i = 0; i < kMutantsOfEach; ++i) {
      tell(mutant(story, stories[random() % stories.size()], random));
    }
  }
}

}  // namespace
}  // namespace vipgate::test::pipeline_corpus_test
