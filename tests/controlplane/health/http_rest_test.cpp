// Whether an answer leaves its connection fit for another question, byte by byte.
#include "controlplane/health/http_rest.h"

#include <gtest/gtest.h>

#include <string>

namespace vipgate::http_rest_test {
namespace {

using Rest = Exchange::Rest;

// In one piece and byte by byte: the end must be the same.
Rest rest_of(const std::string& headers, const std::string& body, int status = 200) {
  const std::string head = "HTTP/1.1 " + std::to_string(status) + " x\r\n" + headers + "\r\n";
  HttpRest whole(head, status), slow(head, status);
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(body.data()), body.size());
  const Rest rest = whole.take(bytes);
  for (const uint8_t byte : bytes) slow.take({&byte, 1});
  EXPECT_EQ(slow.take({}), rest) << headers << body;
  return rest;
}

TEST(HttpRest, AnAnswerOfKnownLengthEndsWhereItSays) {
  EXPECT_EQ(rest_of("Content-Length: 2\r\n", "ok"), Rest::kNone);
  EXPECT_EQ(rest_of("content-length:2 \n", "ok"), Rest::kNone);
  EXPECT_EQ(rest_of("Content-Length: 2\r\n", "o"), Rest::kMore);
  EXPECT_EQ(rest_of("Content-Length: 2\r\n", "ok!"), Rest::kUnusable) << "leftover bytes";
  EXPECT_EQ(rest_of("Content-Length: 0\r\n", ""), Rest::kNone);
  EXPECT_EQ(rest_of("Content-Length: 7\r\n", "", 304), Rest::kNone);
  EXPECT_EQ(rest_of("", "", 204), Rest::kNone);
  EXPECT_EQ(rest_of("", "x", 204), Rest::kUnusable);
}

TEST(HttpRest, ChunksEndWithTheirTrailers) {
  const std::string chunked = "Transfer-Encoding: Chunked\r\n";
  EXPECT_EQ(rest_of(chunked, "2\r\nok\r\n0\r\n\r\n"), Rest::kNone);
  EXPECT_EQ(rest_of(chunked, "00A;x=\"y\"\r\n0123456789\r\n1\nx\n0;z\r\nA: b\r\nC: d\r\n\r\n"),
            Rest::kNone);
  EXPECT_EQ(rest_of(chunked, "2\r\nok\r\n0\r\n"), Rest::kMore);
  EXPECT_EQ(rest_of(chunked, "2\r\nok\r\n0\r\n\r\nx"), Rest::kUnusable);
  EXPECT_EQ(rest_of(chunked, "2\r\nokay\r\n"), Rest::kUnusable);
  EXPECT_EQ(rest_of(chunked, "\r\n"), Rest::kUnusable);
  EXPECT_EQ(rest_of(chunked, "x\r\n"), Rest::kUnusable);
  EXPECT_EQ(rest_of(chunked, "ffffffffffffffff1\r\n"), Rest::kUnusable);
}

TEST(HttpRest, WhatIsUnusualMakesTheConnectionUnusable) {
  const std::string length = "Content-Length: 2\r\n";
  for (const std::string headers :
       {"Connection: close\r\n", "connection: x , Close\r\n", "Content-Length: 2\r\n",
        "Transfer-Encoding: chunked\r\n", " folded\r\n", "A : b\r\n", "no colon\r\n", "nocolon\r\n",
        ": x\r\n"}) {
    EXPECT_EQ(rest_of(length + headers, "ok"), Rest::kUnusable) << headers;
  }
  for (const std::string headers :
       {"", "Content-Length: \r\n", "Content-Length: +2\r\n", "Content-Length: 2, 2\r\n",
        "Content-Length: 99999999999999999999999\r\n", "Transfer-Encoding: gzip, chunked\r\n"}) {
    EXPECT_EQ(rest_of(headers, ""), Rest::kUnusable) << headers;
  }
  EXPECT_EQ(rest_of(length + "Connection: keep-alive\r\n", "ok"), Rest::kNone);
  EXPECT_EQ(rest_of(length, "ok", 101), Rest::kUnusable);
  EXPECT_EQ(HttpRest("HTTP/1.0 200 x\r\nContent-Length: 0\r\n\r\n", 200).take({}), Rest::kUnusable);
}

TEST(HttpRest, TakesInSixteenKilobytesAndNoMore) {
  EXPECT_EQ(rest_of("Content-Length: 16384\r\n", std::string(16'384, 'x')), Rest::kNone);
  EXPECT_EQ(rest_of("Content-Length: 16385\r\n", ""), Rest::kUnusable);
  EXPECT_EQ(rest_of("Transfer-Encoding: chunked\r\n", "1;" + std::string(16'384, 'x')),
            Rest::kUnusable);
}

}  // namespace
}  // namespace vipgate::http_rest_test
