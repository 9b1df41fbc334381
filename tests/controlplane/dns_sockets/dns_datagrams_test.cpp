// Real datagrams over loopback.
#include "controlplane/dns_sockets/dns_datagrams.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <future>
#include <optional>
#include <string>

#include "controlplane/dns_sockets/asio_address.h"
#include "tests/support/address_text.h"

namespace vipgate::dns_datagrams_test {
namespace {

using ::boost::asio::ip::udp;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using test::ip;

// Talks with one server.
class Client {
 public:
  Client(const IpAddress& server, uint16_t port)
      : where_(to_asio(server), port), socket_(context_, where_.protocol()) {
    socket_.connect(where_);
    constexpr timeval kPatience{.tv_sec = 20, .tv_usec = 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  }

  void ask(const std::string& message) { socket_.send(boost::asio::buffer(message)); }
  // What comes from there, and from nowhere else; nothing: it has not come in time.
  std::optional<std::string> reply() {
    std::string octets(65'535, '\0');
    const ssize_t length = recv(socket_.native_handle(), octets.data(), octets.size(), 0);
    if (length < 0) return std::nullopt;
    octets.resize(static_cast<size_t>(length));
    return octets;
  }
  AddressAndPort own() const {
    return {from_asio(socket_.local_endpoint().address()), socket_.local_endpoint().port()};
  }

 private:
  boost::asio::io_context context_;
  udp::endpoint where_;
  udp::socket socket_;
};

class DnsDatagramsTest : public testing::Test {
 protected:
  // Upper case is the answer; to "?" there is none, to "who" it is the client.
  static uint16_t answer(std::span<uint8_t> message, size_t length, const AddressAndPort& client) {
    const std::string text(message.begin(), message.begin() + static_cast<ptrdiff_t>(length));
    if (text == "?") return 0;
    std::string reply;
    if (text == "who") {
      reply = to_string(client.address) + " " + std::to_string(client.port);
    } else {
      for (const char octet : text) reply += static_cast<char>(octet & 0xdf);
    }
    std::copy(reply.begin(), reply.end(), message.begin());
    return static_cast<uint16_t>(reply.size());
  }
  void start(AnswerDnsDatagram answer) {
    server_ = std::make_unique<DnsDatagrams>(std::move(answer));
    ASSERT_THAT(server_->listen({{v4_, 0}, {v6_, 0}}), IsEmpty());
    ports_ = server_->ports();
    ASSERT_THAT(ports_, SizeIs(2));
  }
  Client client() { return {v4_, ports_[0]}; }
  uint64_t count(const std::string& name) const {
    for (const auto& [key, value] : server_->counters()) {
      if (key == "dns_udp." + name) return value;
    }
    ADD_FAILURE() << name;
    return 0;
  }

  const IpAddress v4_ = ip("127.0.0.1"), v6_ = ip("::1");
  std::unique_ptr<DnsDatagrams> server_;
  std::vector<uint16_t> ports_;
};

TEST_F(DnsDatagramsTest, AnswersWhoAsksFromTheAddressThatWasAskedOverBothFamilies) {
  start(answer);
  for (size_t i = 0; i < 2; ++i) {
    Client client(i == 0 ? v4_ : v6_, ports_[i]);
    client.ask("who");
    EXPECT_EQ(client.reply(),
              to_string(client.own().address) + " " + std::to_string(client.own().port));
  }
}

TEST_F(DnsDatagramsTest, AnswersTheLongestDatagram) {
  start(answer);
  Client client = this->client();
  client.ask(std::string(65'507, 'a'));
  EXPECT_EQ(client.reply(), std::string(65'507, 'A'));
}

// The first one holds the thread until all others have come: they are a few bursts, with some among
// them that have no reply.
TEST_F(DnsDatagramsTest, AnswersAllThatHasComeBurstByBurst) {
  std::promise<void> all_sent;
  start([sent = all_sent.get_future().share()](std::span<uint8_t> message, size_t length,
                                               const AddressAndPort& client) {
    sent.wait();
    return answer(message, length, client);
  });
  constexpr size_t kQueries = 3 * DnsDatagrams::kBurst + 1;
  Client client = this->client();
  for (size_t i = 0; i < kQueries; ++i) {
    client.ask("q" + std::to_string(i));
    client.ask("?");
  }
  all_sent.set_value();
  for (size_t i = 0; i < kQueries; ++i) {
    std::string expected = "Q";
    for (const char digit : std::to_string(i)) expected += static_cast<char>(digit & 0xdf);
    EXPECT_EQ(client.reply(), expected) << i;
  }
  client.ask("end");
  EXPECT_EQ(client.reply(), "END") << "the last one without a reply has been counted";
  EXPECT_EQ(count("queries"), 2 * kQueries + 1);
  EXPECT_EQ(count("unanswered"), kQueries);
  EXPECT_EQ(count("not_sent"), 0u);
}

TEST_F(DnsDatagramsTest, CountsRepliesThatAreTruncated) {
  start([](std::span<uint8_t> message, size_t length, const AddressAndPort&) {
    if (message[0] == 't') message[2] = 0x86;
    return static_cast<uint16_t>(length);
  });
  Client client = this->client();
  for (const std::string first : {"t", "w"}) {
    client.ask(first + std::string(11, '\0'));
    ASSERT_TRUE(client.reply());
  }
  EXPECT_EQ(count("truncated"), 1u);
}

// An answer that no datagram can hold.
TEST_F(DnsDatagramsTest, CountsRepliesThatTheKernelDoesNotTakeAndSendsTheOthers) {
  start([](std::span<uint8_t> message, size_t length, const AddressAndPort&) {
    return message[0] == 'x' ? uint16_t{65'535} : static_cast<uint16_t>(length);
  });
  Client client = this->client();
  client.ask("xxx");
  client.ask("abc");
  EXPECT_EQ(client.reply(), "abc");
  client.ask("end");
  EXPECT_EQ(client.reply(), "end") << "the burst before has been counted";
  EXPECT_EQ(count("not_sent"), 1u);
}

TEST_F(DnsDatagramsTest, ListensWhereItIsToldAndNowhereElse) {
  start(answer);
  ASSERT_THAT(server_->listen({{v6_, 0}}), IsEmpty());
  EXPECT_THAT(server_->ports(), ElementsAre(ports_[1]));
  Client client(v6_, ports_[1]);
  client.ask("still");
  EXPECT_EQ(client.reply(), "STILL");
  Client other(v4_, ports_[0]);
  other.ask("nobody");
  EXPECT_EQ(other.reply(), std::nullopt) << "the port is closed";
}

TEST_F(DnsDatagramsTest, TellsWhereItCannotListenAndListensElsewhere) {
  start(answer);
  DnsDatagrams second(answer);
  EXPECT_THAT(second.listen({{v4_, ports_[0]}, {v6_, 0}}),
              ElementsAre(HasSubstr("127.0.0.1:" + std::to_string(ports_[0]))));
  EXPECT_THAT(second.ports(), SizeIs(1));
}

}  // namespace
}  // namespace vipgate::dns_datagrams_test
