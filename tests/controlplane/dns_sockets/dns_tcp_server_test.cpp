// Real TCP connections over loopback.
#include "controlplane/dns_sockets/dns_tcp_server.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>

#include "tests/controlplane/dns_sockets/dns_tcp_client.h"
#include "tests/support/address_text.h"

namespace vipgate::dns_tcp_server_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using test::ip;

using Client = DnsTcpClient;

class DnsTcpServerTest : public testing::Test {
 protected:
  // Upper case is the answer; to "?" there is none, to "who" it is the client's address.
  static DnsStreamAnswer answer(std::span<uint8_t> message, size_t length,
                                const IpAddress& client) {
    DnsStreamAnswer answer;
    if (length == 1 && message[0] == '?') return answer;
    if (std::string(message.begin(), message.begin() + static_cast<ptrdiff_t>(length)) == "who") {
      const std::string text = to_string(client);
      std::copy(text.begin(), text.end(), message.begin());
      answer.length = text.size();
      return answer;
    }
    for (uint8_t& octet : message.first(length)) octet &= 0xdf;
    answer.length = length;
    return answer;
  }
  void start(const DnsTcpLimits& limits = {}) {
    server_ = std::make_unique<DnsTcpServer>(answer, limits);
    ASSERT_THAT(server_->listen({{v4_, 0}, {v6_, 0}}), IsEmpty());
    ports_ = server_->ports();
    ASSERT_EQ(ports_.size(), 2u);
  }
  Client client() { return {v4_, ports_[0]}; }
  uint64_t count(const std::string& name) const {
    for (const auto& [key, value] : server_->counters()) {
      if (key == "dns_tcp." + name) return value;
    }
    ADD_FAILURE() << name;
    return 0;
  }

  const IpAddress v4_ = ip("127.0.0.1"), v6_ = ip("::1");
  std::unique_ptr<DnsTcpServer> server_;
  std::vector<uint16_t> ports_;
};

TEST_F(DnsTcpServerTest, TellsWhoAsks) {
  start();
  for (size_t i = 0; i < 2; ++i) {
    Client client(i == 0 ? v4_ : v6_, ports_[i]);
    client.ask("who");
    EXPECT_EQ(client.reply(), i == 0 ? "127.0.0.1" : "::1");
  }
}

TEST_F(DnsTcpServerTest, AnswersPipelinedQueriesOverBothFamilies) {
  start();
  for (size_t i = 0; i < 2; ++i) {
    Client client(i == 0 ? v4_ : v6_, ports_[i]);
    client.ask("one");
    client.ask("two");
    EXPECT_EQ(client.reply(), "ONE");
    client.ask("three");
    EXPECT_EQ(client.reply(), "TWO");
    EXPECT_EQ(client.reply(), "THREE");
  }
  EXPECT_EQ(count("connections"), 2u);
  EXPECT_EQ(count("queries"), 6u);
}

TEST_F(DnsTcpServerTest, AnswersWhatCameBeforeTheClientEndedItsSideThenCloses) {
  start();
  Client client = this->client();
  for (int i = 0; i < 100; ++i) client.ask(std::string(10'000, 'x'));
  client.end();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(client.reply(), std::string(10'000, 'X')) << i;
  EXPECT_EQ(client.reply(), std::nullopt);
}

TEST_F(DnsTcpServerTest, ClosesAfterWhatIsNoQuery) {
  start();
  Client client = this->client();
  client.ask("one");
  client.ask("?");
  client.ask("two");
  EXPECT_EQ(client.reply(), "ONE");
  EXPECT_EQ(client.reply(), std::nullopt);
  EXPECT_EQ(count("not_dns"), 1u);
}

TEST_F(DnsTcpServerTest, ClosesConnectionsThatAreIdle) {
  start({.idle = std::chrono::milliseconds(20)});
  Client client = this->client();
  EXPECT_EQ(client.reply(), std::nullopt);
  EXPECT_EQ(count("closed_idle"), 1u);
}

TEST_F(DnsTcpServerTest, RefusesAClientsConnectionsBeyondItsShare) {
  start({.per_client = 2});
  Client first = client(), second = client();
  first.ask("one");
  second.ask("two");
  EXPECT_EQ(first.reply(), "ONE");
  EXPECT_EQ(second.reply(), "TWO");
  Client third = client();
  EXPECT_EQ(third.reply(), std::nullopt);
  EXPECT_EQ(count("refused"), 1u);
  first.ask("still here");
  EXPECT_NE(first.reply(), std::nullopt);
  // An IPv6 client is another one.
  Client other(v6_, ports_[1]);
  other.ask("other");
  EXPECT_EQ(other.reply(), "OTHER");
}

TEST_F(DnsTcpServerTest, MakesRoomByTheConnectionThatHasBeenIdleForLongest) {
  start({.connections = 2});
  Client first = client(), second = client();
  second.ask("two");
  EXPECT_EQ(second.reply(), "TWO");
  first.ask("one");
  EXPECT_EQ(first.reply(), "ONE");
  Client third = client();
  third.ask("three");
  EXPECT_EQ(third.reply(), "THREE");
  EXPECT_EQ(second.reply(), std::nullopt);
  first.ask("still here");
  EXPECT_NE(first.reply(), std::nullopt);
  EXPECT_EQ(count("closed_for_others"), 1u);
}

TEST_F(DnsTcpServerTest, ListensWhereItIsToldAndKeepsConnections) {
  start();
  Client client = this->client();
  client.ask("one");
  EXPECT_EQ(client.reply(), "ONE");
  ASSERT_THAT(server_->listen({{v6_, 0}}), IsEmpty());
  EXPECT_FALSE(Client(v4_, ports_[0]).is_connected());
  client.ask("two");
  EXPECT_EQ(client.reply(), "TWO");
  Client other(v6_, server_->ports().front());
  other.ask("other");
  EXPECT_EQ(other.reply(), "OTHER");
}

TEST_F(DnsTcpServerTest, TellsWhereItCannotListenAndListensElsewhere) {
  start();
  EXPECT_THAT(server_->listen({{v4_, 0}, {ip("192.0.2.1"), 53}}),
              ElementsAre(HasSubstr("DNS over TCP cannot listen on 192.0.2.1:53: ")));
  Client client = this->client();
  client.ask("one");
  EXPECT_EQ(client.reply(), "ONE");
}

}  // namespace
}  // namespace vipgate::dns_tcp_server_test
