#include "dataplane/pcap_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace vipgate::pcap_file_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PcapFile : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  void write_file(const std::vector<uint8_t>& bytes) const {
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }
  std::string open_error() const {
    const auto reader = PcapReader::open(path_);
    return reader ? "" : reader.error();
  }
  // Reads to the end or to the first error.
  std::string read_error() const {
    auto reader = PcapReader::open(path_);
    if (!reader) return reader.error();
    for (PcapPacket packet;;) {
      const auto more = reader->next(packet);
      if (!more) return more.error();
      if (!*more) return "";
    }
  }

  const std::string path_ =
      ::testing::TempDir() + "pcap_file_test." + std::to_string(getpid()) + ".pcap";
};

void put(std::vector<uint8_t>& out, bool big, uint32_t value, int bytes = 4) {
  for (int i = 0; i < bytes; ++i) {
    out.push_back(static_cast<uint8_t>(value >> 8 * (big ? bytes - 1 - i : i)));
  }
}

std::vector<uint8_t> file_header(bool big, uint32_t magic, uint32_t link_type = 1) {
  std::vector<uint8_t> out;
  put(out, big, magic);
  put(out, big, 2, 2);
  put(out, big, 4, 2);
  put(out, big, 0);
  put(out, big, 0);
  put(out, big, 65535);
  put(out, big, link_type);
  return out;
}

void put_record(std::vector<uint8_t>& out, bool big, uint32_t seconds, uint32_t fraction,
                uint32_t captured, uint32_t original, size_t present) {
  put(out, big, seconds);
  put(out, big, fraction);
  put(out, big, captured);
  put(out, big, original);
  for (size_t i = 0; i < present; ++i) out.push_back(static_cast<uint8_t>(i));
}

constexpr uint32_t kMicro = 0xa1b2c3d4;
constexpr uint32_t kNano = 0xa1b23c4d;

TEST_F(PcapFile, WhatWasWrittenIsReadBack) {
  for (const auto resolution : {PcapResolution::kMicroseconds, PcapResolution::kNanoseconds}) {
    auto writer = PcapWriter::create(path_, resolution);
    ASSERT_TRUE(writer) << writer.error();
    ASSERT_TRUE(writer->write(1'700'000'000'123'456'789, std::vector<uint8_t>{1, 2, 3}));
    ASSERT_TRUE(writer->write(5, {}));
    ASSERT_TRUE(writer->close());
    auto reader = PcapReader::open(path_);
    ASSERT_TRUE(reader) << reader.error();
    EXPECT_EQ(reader->resolution(), resolution);
    PcapPacket packet;
    ASSERT_TRUE(*reader->next(packet));
    EXPECT_THAT(packet.bytes, ElementsAre(1, 2, 3));
    EXPECT_EQ(packet.original_length, 3u);
    const bool is_ns = resolution == PcapResolution::kNanoseconds;
    EXPECT_EQ(packet.time_ns, 1'700'000'000'123'456'000u + (is_ns ? 789 : 0));
    ASSERT_TRUE(*reader->next(packet));
    EXPECT_TRUE(packet.bytes.empty());
    EXPECT_FALSE(*reader->next(packet));
  }
}

TEST_F(PcapFile, BothByteOrdersAndBothResolutionsAreRead) {
  for (const bool big : {false, true}) {
    for (const uint32_t magic : {kMicro, kNano}) {
      auto bytes = file_header(big, magic);
      put_record(bytes, big, 4'000'000'000, 999'999, 2, 1500, 2);
      write_file(bytes);
      auto reader = PcapReader::open(path_);
      ASSERT_TRUE(reader) << reader.error();
      PcapPacket packet;
      ASSERT_TRUE(*reader->next(packet));
      EXPECT_EQ(packet.time_ns,
                4'000'000'000'000'000'000u + (magic == kMicro ? 999'999'000u : 999'999u));
      EXPECT_EQ(packet.original_length, 1500u);
      EXPECT_THAT(packet.bytes, ElementsAre(0, 1));
      EXPECT_FALSE(*reader->next(packet));
    }
  }
}

TEST_F(PcapFile, LinkTypeMayCarryFrameCheckSequenceBits) {
  write_file(file_header(false, kMicro, 1 | 0x44000000));
  EXPECT_EQ(open_error(), "");
}

TEST_F(PcapFile, WhatIsNoCaptureIsRefusedWithTheReason) {
  EXPECT_THAT(open_error(), HasSubstr("cannot open: No such file"));
  EXPECT_THAT(open_error(), HasSubstr(path_));
  write_file({});
  EXPECT_THAT(open_error(), HasSubstr("too short"));
  auto header = file_header(false, kMicro);
  header.pop_back();
  write_file(header);
  EXPECT_THAT(open_error(), HasSubstr("too short for a pcap file: 23 bytes"));
  write_file(file_header(false, 0x12345678));
  EXPECT_THAT(open_error(), HasSubstr("not a pcap file"));
  write_file({0x0a, 0x0d, 0x0d, 0x0a, 0, 0});
  EXPECT_THAT(open_error(), HasSubstr("pcapng"));
  write_file(file_header(true, kMicro, 113));
  EXPECT_THAT(open_error(), HasSubstr("link type 113"));
  header = file_header(true, kNano);
  header[5] = 3;
  write_file(header);
  EXPECT_THAT(open_error(), HasSubstr("version 3.4"));
}

TEST_F(PcapFile, DirectoryIsRefused) {
  const auto reader = PcapReader::open(::testing::TempDir());
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error(), HasSubstr("cannot read: Is a directory"));
}

TEST_F(PcapFile, TruncatedRecordIsReportedWithItsNumber) {
  auto bytes = file_header(false, kMicro);
  put_record(bytes, false, 1, 0, 4, 4, 4);
  auto cut_header = bytes;
  cut_header.insert(cut_header.end(), 15, 0);
  write_file(cut_header);
  EXPECT_EQ(read_error(),
            path_ + ": packet 1: truncated: the file ends within the record's header");
  put_record(bytes, false, 1, 0, 60, 60, 59);
  write_file(bytes);
  EXPECT_EQ(read_error(), path_ + ": packet 1: truncated: the file ends after 59 of 60 bytes");
}

TEST_F(PcapFile, RecordBeyondTheBoundIsRefusedBeforeMemoryIsTakenForIt) {
  auto bytes = file_header(false, kMicro);
  put_record(bytes, false, 1, 0, 0xffffffff, 0xffffffff, 100);
  write_file(bytes);
  EXPECT_THAT(read_error(), HasSubstr("packet 0: record of 4294967295 bytes"));
  bytes = file_header(false, kMicro);
  put_record(bytes, false, 1, 0, kPcapMaxRecordBytes, 1, kPcapMaxRecordBytes);
  write_file(bytes);
  EXPECT_EQ(read_error(), "");
}

TEST_F(PcapFile, FractionOfASecondOrMoreIsRefused) {
  auto bytes = file_header(false, kMicro);
  put_record(bytes, false, 1, 1'000'000, 0, 0, 0);
  write_file(bytes);
  EXPECT_THAT(read_error(), HasSubstr("packet 0: bad time stamp"));
}

TEST_F(PcapFile, WriteErrorsAreReported) {
  EXPECT_THAT(PcapWriter::create("/nonexistent/x.pcap", PcapResolution::kMicroseconds).error(),
              HasSubstr("/nonexistent/x.pcap: cannot create"));
  auto writer = PcapWriter::create("/dev/full", PcapResolution::kMicroseconds);
  ASSERT_TRUE(writer) << writer.error();
  EXPECT_THAT(writer->close().error(), HasSubstr("/dev/full: cannot write"));
}

}  // namespace
}  // namespace vipgate::pcap_file_test
