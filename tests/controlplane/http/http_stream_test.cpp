// Answers that go on: what the server sends as it comes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "tests/controlplane/http/http_server_fixture.h"

namespace vipgate::http_stream_test {
namespace {

using test::get;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class HttpStreamTest : public test::HttpServerFixture {
 protected:
  // What a stream's listener holds, while its connection lasts.
  struct Held {
    explicit Held(HttpStreamTest& test_in) : test(test_in) {}
    ~Held() {
      const std::lock_guard lock(test.mutex_);
      --test.held_;
      test.changed_.notify_all();
    }
    HttpStreamTest& test;
  };

  void start() {
    HttpServerOptions options;
    options.request_time = std::chrono::seconds(60);  // that is not what ends a slow client
    HttpRouter router;
    router.add("GET", "/stream", [this](const ApiRequest&, const ApiResponder& respond) {
      ApiResponse response{.content_type = "text/event-stream"};
      response.stream = [this](std::shared_ptr<ApiSink> sink) -> std::shared_ptr<void> {
        const std::lock_guard lock(mutex_);
        sink_ = std::move(sink);
        ++held_;
        changed_.notify_all();
        return std::make_shared<Held>(*this);
      };
      respond(std::move(response));
    });
    router.add("GET", "/refused", [](const ApiRequest&, const ApiResponder& respond) {
      ApiResponse response;
      response.stream = [](const std::shared_ptr<ApiSink>&) { return std::shared_ptr<void>(); };
      respond(std::move(response));
    });
    HttpServerFixture::start(std::move(options), std::move(router));
  }
  bool holds(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return held_ == count; });
  }
  void send_piece(const std::string& piece) {
    const std::lock_guard lock(mutex_);
    sink_->write(piece);
  }
  bool offer_piece(const std::string& piece) {
    const std::lock_guard lock(mutex_);
    return sink_->offer(piece);
  }
  void finish() {
    const std::lock_guard lock(mutex_);
    sink_->finish();
  }

  // Without the framing of chunks, which a client knows how to take off.
  static std::string older(const std::string& target) {
    return "GET " + target + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<ApiSink> sink_;
  int held_ = 0;
};

TEST_F(HttpStreamTest, PiecesComeAsTheyAreSentAndTheListenerGoesWithTheClient) {
  start();
  {
    const FileDescriptor client = connect_to();
    send_all(client, older("/stream"));
    const std::string head = receive(client, "\r\n\r\n");
    EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK"));
    EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream\r\n"));
    EXPECT_THAT(head, Not(HasSubstr("Content-Length")));
    ASSERT_TRUE(holds(1));
    send_piece("data: one\n\n");
    EXPECT_THAT(receive(client, "one\n\n"), EndsWith("data: one\n\n"));
    for (int i = 0; i < 1000; ++i) send_piece("data: " + std::to_string(i) + "\n\n");
    EXPECT_THAT(receive(client, "data: 999\n\n"), EndsWith("data: 998\n\ndata: 999\n\n"));
  }
  EXPECT_TRUE(holds(0));
}

TEST_F(HttpStreamTest, PiecesAreChunks) {
  start();
  const FileDescriptor client = connect_to();
  send_all(client, get("/stream"));
  ASSERT_TRUE(holds(1));
  send_piece("data: a long line\n\n");
  EXPECT_THAT(receive(client, "line\n\n\r\n"),
              AllOf(HasSubstr("Transfer-Encoding: chunked\r\n"),
                    EndsWith("\r\n\r\n13\r\ndata: a long line\n\n\r\n")));
}

TEST_F(HttpStreamTest, AClientThatTakesNothingIsGivenUpAndHoldsUpNobody) {
  start();
  const FileDescriptor slow = connect_to();
  send_all(slow, get("/stream"));
  ASSERT_TRUE(holds(1));
  const std::string piece(64 * 1024, 'x');
  // More than the kernel takes for it and the server keeps.
  for (int i = 0; i < 400; ++i) send_piece(piece);
  EXPECT_TRUE(holds(0));
  EXPECT_THAT(ask(get("/nothing")), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpStreamTest, OneThatItsSourceEndsHasItsLastChunkAndNothingAfterIt) {
  start();
  const FileDescriptor client = connect_to();
  send_all(client, get("/stream"));
  ASSERT_TRUE(holds(1));
  send_piece("last words");
  send_piece("");  // would be the last chunk
  send_piece("!");
  finish();
  send_piece("too late");
  EXPECT_THAT(receive(client), EndsWith("\r\n\r\na\r\nlast words\r\n1\r\n!\r\n0\r\n\r\n"));
  EXPECT_TRUE(holds(0)) << "and the connection has ended";
}

TEST_F(HttpStreamTest, AnOlderClientKnowsTheEndByThatOfTheConnection) {
  start();
  const FileDescriptor client = connect_to();
  send_all(client, older("/stream"));
  ASSERT_TRUE(holds(1));
  send_piece("all of it");
  finish();
  EXPECT_THAT(receive(client), EndsWith("\r\n\r\nall of it"));
}

TEST_F(HttpStreamTest, WhatIsOfferedToAClientThatTakesNothingIsLeftOutAndTheClientStays) {
  start();
  const FileDescriptor slow = connect_to();
  send_all(slow, get("/stream"));
  ASSERT_TRUE(holds(1));
  const std::string piece(64 * 1024, 'x');
  size_t taken = 0;
  // More than the kernel takes for it and the server keeps.
  for (int i = 0; i < 400; ++i) taken += offer_piece(piece) ? 1 : 0;
  EXPECT_LT(taken, 400u);
  send_piece("what must come");
  finish();
  const std::string answer = receive(slow);
  const std::string all = answer.substr(answer.find("\r\n\r\n"));
  EXPECT_EQ(static_cast<size_t>(std::count(all.begin(), all.end(), 'x')), taken * piece.size());
  EXPECT_THAT(all, EndsWith("what must come\r\n0\r\n\r\n"));
}

TEST_F(HttpStreamTest, TheEndOfTheServerIsTheEndOfTheStream) {
  start();
  const FileDescriptor client = connect_to();
  send_all(client, get("/stream"));
  ASSERT_TRUE(holds(1));
  server_.reset();
  EXPECT_TRUE(holds(0));
  EXPECT_THAT(receive(client), StartsWith("HTTP/1.1 200 OK")) << "and then the connection ends";
  send_piece("for nobody");
}

TEST_F(HttpStreamTest, OneThatNobodyGivesEndsAtOnce) {
  start();
  EXPECT_THAT(ask(get("/refused")), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpStreamTest, AHeadHasNoStream) {
  start();
  EXPECT_THAT(ask("HEAD /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200 OK"));
  EXPECT_EQ(held_, 0);
}

}  // namespace
}  // namespace vipgate::http_stream_test
