#include "controlplane/mesos/recordio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>
#include <vector>

namespace vipgate::recordio_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kLimit = 1 << 20;

// All records that are complete by now.
std::vector<std::string> drain(RecordIoDecoder& decoder) {
  std::vector<std::string> records;
  while (true) {
    const auto next = decoder.next();
    if (!next || !*next) return records;
    records.emplace_back(**next);
  }
}

std::string sample() {
  std::ifstream file(VIPGATE_SOURCE_DIR "/tests/controlplane/mesos/data/recordio-sample.bin",
                     std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

TEST(RecordIo, RecordsOfOnePieceComeInOrder) {
  RecordIoDecoder decoder(kLimit);
  decoder.feed("3\nabc2\nde");
  EXPECT_THAT(drain(decoder), ElementsAre("abc", "de"));
  EXPECT_EQ(decoder.waiting(), 0u);
}

TEST(RecordIo, EmptyRecordIsPassedOver) {
  RecordIoDecoder decoder(kLimit);
  decoder.feed("0\n0\n1\nx0\n");
  EXPECT_THAT(drain(decoder), ElementsAre("x"));
}

TEST(RecordIo, EdgesOfPiecesNeedNotBeEdgesOfRecords) {
  const std::string stream = sample();
  ASSERT_GT(stream.size(), 1000u);
  RecordIoDecoder whole(kLimit);
  whole.feed(stream);
  const auto expected = drain(whole);
  ASSERT_EQ(expected.size(), 11u);
  for (const size_t size : {1, 2, 3, 7, 64, 1000}) {
    RecordIoDecoder decoder(kLimit);
    std::vector<std::string> records;
    for (size_t at = 0; at < stream.size(); at += size) {
      decoder.feed(std::string_view(stream).substr(at, size));
      for (std::string& record : drain(decoder)) records.push_back(std::move(record));
    }
    EXPECT_EQ(records, expected) << "pieces of " << size;
  }
}

TEST(RecordIo, RandomRecordsInRandomPiecesAreGivenBack) {
  std::mt19937 random(20260301);
  const auto below = [&](size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random);
  };
  RecordIoDecoder decoder(kLimit);
  std::string stream;
  std::vector<std::string> sent;
  std::vector<std::string> received;
  for (int i = 0; i < 400; ++i) {
    const size_t size = below(20) == 0 ? below(500'000) : below(300);
    std::string record(size, static_cast<char>('a' + i % 26));
    stream += std::to_string(size) + "\n" + record;
    if (size != 0) sent.push_back(std::move(record));
  }
  for (size_t at = 0; at < stream.size();) {
    const size_t size = 1 + below(below(10) == 0 ? 300'000 : 3'000);
    decoder.feed(std::string_view(stream).substr(at, size));
    at += size;
    // Reading on before all records are taken must lose none.
    for (size_t n = below(4); n > 0; --n) {
      const auto next = decoder.next();
      ASSERT_TRUE(next.ok());
      if (*next) received.emplace_back(**next);
    }
  }
  for (std::string& record : drain(decoder)) received.push_back(std::move(record));
  EXPECT_EQ(received, sent);
}

TEST(RecordIo, LengthThatIsNoNumberEndsTheStreamForGood) {
  for (const std::string_view stream : {"x\nabc", "-1\n", "\nabc", "1 \na", "0x10\n", "+3\nabc",
                                        "1\r\na", "999999999999999999999"}) {
    RecordIoDecoder decoder(kLimit);
    decoder.feed(stream);
    const auto first = decoder.next();
    ASSERT_FALSE(first.ok()) << stream;
    decoder.feed("3\nabc");
    const auto second = decoder.next();
    ASSERT_FALSE(second.ok()) << stream;
    EXPECT_EQ(first.error(), second.error());
  }
}

TEST(RecordIo, RecordsBeforeABadLengthAreStillGiven) {
  RecordIoDecoder decoder(kLimit);
  decoder.feed("3\nabcoops\n");
  EXPECT_THAT(drain(decoder), ElementsAre("abc"));
  EXPECT_FALSE(decoder.next().ok());
}

TEST(RecordIo, RecordBeyondTheLimitIsAnErrorThatNamesBoth) {
  RecordIoDecoder decoder(1000);
  decoder.feed("1000\n" + std::string(1000, 'x') + "1001\n");
  EXPECT_EQ(drain(decoder).size(), 1u);
  const auto next = decoder.next();
  ASSERT_FALSE(next.ok());
  EXPECT_THAT(next.error(), HasSubstr("1001"));
  EXPECT_THAT(next.error(), HasSubstr("limit of 1000"));
}

TEST(RecordIo, NothingIsGivenBeforeARecordIsWhole) {
  RecordIoDecoder decoder(kLimit);
  decoder.feed("1");
  EXPECT_THAT(drain(decoder), IsEmpty());
  decoder.feed("0\nabc");
  EXPECT_THAT(drain(decoder), IsEmpty());
  EXPECT_EQ(decoder.waiting(), 3u);
  decoder.feed("defghij");
  EXPECT_THAT(drain(decoder), ElementsAre("abcdefghij"));
}

TEST(RecordIo, CountAloneCostsNoMemory) {
  RecordIoDecoder decoder(size_t{1} << 40);
  decoder.feed("1000000000000\n{");
  EXPECT_THAT(drain(decoder), IsEmpty());
  EXPECT_LT(decoder.prepare(1).size(), size_t{1} << 20);
}

TEST(RecordIo, MemoryOfALargeRecordIsGivenBackWhenNoMoreIsThere) {
  const size_t large = size_t{32} << 20;
  RecordIoDecoder decoder(large);
  decoder.feed(std::to_string(large) + "\n" + std::string(large, 'x'));
  const auto record = decoder.next();
  ASSERT_TRUE(record.ok() && *record);
  EXPECT_GE(decoder.memory_bytes(), large);
  const auto none = decoder.next();
  ASSERT_TRUE(none.ok() && !*none);
  EXPECT_EQ(decoder.memory_bytes(), 0u);
  decoder.feed("1\nx");
  EXPECT_THAT(drain(decoder), ElementsAre("x"));
}

TEST(RecordIo, OctetsAfterARecordCanBeRead) {
  // The address sanitizer watches the reads.
  for (size_t size : {1, 65533, 65534, 65535, 65536, 200'000}) {
    RecordIoDecoder decoder(kLimit);
    const std::string stream = std::to_string(size) + "\n" + std::string(size, 'x');
    for (const char octet : stream) decoder.feed({&octet, 1});
    const auto next = decoder.next();
    ASSERT_TRUE(next.ok() && *next);
    // Copied, so that they are read.
    const std::string beyond((*next)->data() + (*next)->size(), RecordIoDecoder::kPadding);
    EXPECT_EQ(beyond.size(), RecordIoDecoder::kPadding);
  }
}

}  // namespace
}  // namespace vipgate::recordio_test
