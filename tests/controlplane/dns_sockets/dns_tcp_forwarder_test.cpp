// Questions of others' names by TCP, from a client's connection to a resolver's, over loopback.
#include "controlplane/dns_sockets/dns_tcp_forwarder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <set>

#include "controlplane/dns_sockets/dns_tcp_server.h"
#include "tests/controlplane/dns_sockets/dns_tcp_client.h"
#include "tests/support/dns_message.h"

namespace vipgate::dns_tcp_forwarder_test {
namespace {

using test::be16;
using test::be32;
using test::dns_header;
using test::dns_opt;
using test::dns_question;
using test::wire_name;
using ::testing::IsEmpty;

const IpAddress kLoopback = parse_ip_address("127.0.0.1").value();

// What a resolver does with a question: its flags, and how many address records it has.
struct Says {
  unsigned flags = 0x8180;
  unsigned records = 1;
  bool changes_case = false;
  unsigned flags_for_edns = 0;  // its flags to a question with EDNS, which has no records then
};

class Resolver {
 public:
  explicit Resolver(const Says& first)
      : server_(
            [this, first](std::span<uint8_t> message, size_t length, const IpAddress&) {
              const Says says = refuses_ ? Says{.flags = 0x8185, .records = 0} : first;
              const std::string query(message.begin(),
                                      message.begin() + static_cast<ptrdiff_t>(length));
              // The OPT record is the question's last part.
              const bool has_opt = query[11] == 1;
              const bool refuses = has_opt && says.flags_for_edns != 0;
              const unsigned records = refuses ? 0 : says.records;
              std::string question = query.substr(12, length - 12 - (has_opt ? 11 : 0));
              if (says.changes_case) question[1] = static_cast<char>(question[1] ^ 0x20);
              std::string reply = query.substr(0, 2) +
                                  be16(refuses ? says.flags_for_edns : says.flags) + be16(1) +
                                  be16(records) + be16(0) + be16(has_opt && !refuses) + question;
              for (unsigned i = 0; i < records; ++i) {
                reply += "\xc0\x0c" + be16(1) + be16(1) + be32(60) + be16(4) + be32(i);
              }
              if (has_opt && !refuses) reply += dns_opt(1232);
              std::copy(reply.begin(), reply.end(), message.begin());
              DnsStreamAnswer answer;
              answer.length = reply.size();
              return answer;
            },
            {}) {
    EXPECT_THAT(server_.listen({{kLoopback, 0}}), IsEmpty());
  }
  uint16_t port() const { return server_.ports().front(); }
  // All from now on.
  void refuse() { refuses_ = true; }
  uint64_t queries() const {
    const NamedCounters counters = server_.counters();
    const auto found = std::find_if(counters.begin(), counters.end(), [](const auto& counter) {
      return counter.first == "dns_tcp.queries";
    });
    return found == counters.end() ? 0 : found->second;
  }

 private:
  std::atomic<bool> refuses_ = false;
  DnsTcpServer server_;
};

// Takes connections and says nothing.
class SilentResolver {
 public:
  SilentResolver() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    EXPECT_EQ(listen(socket_.get(), 16), 0);
    socklen_t length = sizeof where;
    EXPECT_EQ(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&where), &length), 0);
    port_ = ntohs(where.sin_port);
  }
  uint16_t port() const { return port_; }
  // From now on connections are refused.
  void close() { socket_ = FileDescriptor(); }

 private:
  FileDescriptor socket_;
  uint16_t port_ = 0;
};

// `left_out`: so many of the resolvers, the first ones, are.
DnsForwarding forwarding_to(const std::vector<uint16_t>& resolvers, unsigned timeout_ms = 20'000,
                            size_t left_out = 0) {
  DnsForwarding forwarding;
  forwarding.is_on = true;
  forwarding.attempts = 3;
  forwarding.per_client = 64;
  forwarding.timeout_ns = timeout_ms * uint64_t{1'000'000};
  forwarding.race_after_ns = forwarding.timeout_ns / 4;
  forwarding.max_ttl_s = forwarding.negative_ttl_s = 3600;
  forwarding.zones.push_back({std::string(1, '\0'), {}});
  for (const uint16_t port : resolvers) {
    DnsResolver& resolver = forwarding.zones[0].resolvers.emplace_back();
    resolver.address = kLoopback;
    resolver.port = port;
    resolver.is_left_out = forwarding.zones[0].resolvers.size() <= left_out;
  }
  return forwarding;
}

class DnsTcpForwarderTest : public ::testing::Test {
 protected:
  // A server that leaves every question to these resolvers.
  void start(const std::vector<uint16_t>& resolvers, unsigned timeout_ms = 20'000,
             size_t left_out = 0, const DnsTcpLimits& limits = {}) {
    server_ = std::make_unique<DnsTcpServer>(
        [](std::span<uint8_t> message, size_t length, const IpAddress& client) {
          EXPECT_EQ(client, kLoopback);
          DnsStreamAnswer answer;
          answer.is_for_others = true;
          answer.has_opt = message[11] == 1;
          answer.question_end = static_cast<uint16_t>(length - (answer.has_opt ? 11 : 0));
          return answer;
        },
        limits);
    ASSERT_THAT(server_->listen({{kLoopback, 0}}), IsEmpty());
    DnsForwarding forwarding = forwarding_to(resolvers, timeout_ms, left_out);
    forwarding.per_client = per_client_;
    server_->set_forwarding(forwarding);
  }
  DnsTcpClient client() { return {kLoopback, server_->ports().front()}; }
  static std::string query(std::string_view name, unsigned id, bool has_opt = false) {
    return dns_header(0x0100, 1, 0, 0, has_opt ? 1 : 0, id) + dns_question(wire_name(name), 1) +
           (has_opt ? dns_opt(512) : "");
  }
  static test::ParsedMessage parsed(const std::optional<std::string>& reply) {
    EXPECT_TRUE(reply.has_value());
    const auto message = test::parse_dns(reply.value_or(""));
    EXPECT_TRUE(message.has_value());
    return message.value_or(test::ParsedMessage{});
  }
  uint64_t count(const std::string& name) const {
    for (const auto& [key, value] : server_->counters()) {
      if (key == "dns_tcp." + name) return value;
    }
    ADD_FAILURE() << name;
    return 0;
  }

  std::unique_ptr<DnsTcpServer> server_;
  uint32_t per_client_ = 64;  // from the next start() on
};

TEST_F(DnsTcpForwarderTest, LongAnswerOfAResolverIsTheClientsWholeAndUnderItsOwnHeader) {
  const Resolver resolver({.flags = 0x85a0, .records = 3000});
  start({resolver.port()});
  DnsTcpClient client = this->client();
  for (const bool has_opt : {false, true}) {
    client.ask(query("WwW.Example.org", 77, has_opt));
    const auto reply = parsed(client.reply());
    EXPECT_EQ(reply.id, 77u);
    EXPECT_EQ(reply.flags, 0x8180u) << "no AA, and no AD as nobody has asked for it";
    EXPECT_EQ(reply.question, dns_question(wire_name("WwW.Example.org"), 1));
    EXPECT_EQ(reply.answers.size(), 3000u);
    EXPECT_EQ(reply.opt.has_value(), has_opt);
  }
  EXPECT_EQ(count("forwarded"), 1u);
  EXPECT_EQ(count("cached"), 1u) << "as long as it is";
}

TEST_F(DnsTcpForwarderTest, SecondClientIsToldWhatTheFirstWasAndNobodyIsAsked) {
  const Resolver resolver({});
  start({resolver.port()});
  for (const char* name : {"www.example", "WWW.Example"}) {
    DnsTcpClient client = this->client();
    client.ask(query(name, 5));
    const auto reply = parsed(client.reply());
    ASSERT_EQ(reply.answers.size(), 1u);
    EXPECT_EQ(reply.answers[0].owner, name);
  }
  EXPECT_EQ(resolver.queries(), 1u);
  EXPECT_EQ(count("cached"), 1u);
  const TableFill cache = server_->cache_kb();
  EXPECT_EQ(cache.entries, 1u);
  EXPECT_EQ(cache.capacity, 16u << 10);
}

TEST_F(DnsTcpForwarderTest, WithoutRoomEachQuestionIsAskedAnew) {
  const Resolver resolver({});
  start({resolver.port()});
  DnsTcpLimits limits;
  limits.cache_mb = 0;
  server_->set_limits(limits);
  DnsTcpClient client = this->client();
  for (int i = 0; i < 2; ++i) {
    client.ask(query("www.example", 5));
    EXPECT_EQ(parsed(client.reply()).answers.size(), 1u);
  }
  EXPECT_EQ(resolver.queries(), 2u);
  EXPECT_EQ(count("cached"), 0u);
}

TEST_F(DnsTcpForwarderTest, PipelinedQuestionsAreEachAnsweredAndThenTheConnectionEnds) {
  const Resolver resolver({});
  start({resolver.port()});
  DnsTcpClient client = this->client();
  std::set<unsigned> missing;
  for (unsigned id = 1; id <= 100; ++id) {
    client.ask(query("n" + std::to_string(id) + ".example", id));
    missing.insert(id);
  }
  client.end();
  for (int i = 0; i < 100; ++i) {
    const auto reply = parsed(client.reply());
    EXPECT_EQ(reply.answers.size(), 1u);
    EXPECT_EQ(missing.erase(reply.id), 1u) << reply.id;
  }
  EXPECT_EQ(client.reply(), std::nullopt);
}

TEST_F(DnsTcpForwarderTest, NextResolverIsAskedWhenOneRefusesConnectionsIsSilentOrCannotTell) {
  const Resolver good({});
  const Resolver refusing({.flags = 0x8185, .records = 0});
  const Resolver forging({.changes_case = true});
  SilentResolver silent, gone;
  gone.close();
  for (const uint16_t bad : {refusing.port(), forging.port(), silent.port(), gone.port()}) {
    start({bad, good.port()}, 600);
    DnsTcpClient client = this->client();
    client.ask(query("www.example", 5));
    EXPECT_EQ(parsed(client.reply()).answers.size(), 1u);
    EXPECT_EQ(count("forwarded"), 2u);
    EXPECT_EQ(count("forward_failed"), 0u);
  }
}

TEST_F(DnsTcpForwarderTest, ResolverThatKnowsNothingOfEdnsIsAskedOnceMoreWithoutAndThenAtOnce) {
  for (const unsigned flags : {0x8181u, 0x8184u}) {
    const Resolver old({.flags_for_edns = flags});
    const Resolver other({.flags = 0x8180, .records = 2});
    start({old.port(), other.port()});
    DnsTcpClient client = this->client();
    client.ask(query("www.example", 5, true));
    const auto reply = parsed(client.reply());
    EXPECT_EQ(reply.answers.size(), 1u);
    EXPECT_TRUE(reply.opt) << "the client's own matter";
    EXPECT_EQ(count("forwarded"), 2u);
    client.ask(query("ftp.example", 6));
    EXPECT_EQ(parsed(client.reply()).answers.size(), 1u);
    EXPECT_EQ(count("forwarded"), 3u);
    EXPECT_EQ(count("forwarded_without_edns"), 1u);
    EXPECT_EQ(old.queries(), 3u);
    EXPECT_EQ(other.queries(), 0u);
  }
}

TEST_F(DnsTcpForwarderTest, ResolverThatRefusesWithoutEdnsTooIsFollowedByTheNext) {
  const Resolver refusing({.flags = 0x8181, .records = 0, .flags_for_edns = 0x8181});
  const Resolver good({});
  start({refusing.port(), good.port()});
  DnsTcpClient client = this->client();
  for (const char* name : {"www.example", "ftp.example"}) {
    client.ask(query(name, 5));
    EXPECT_EQ(parsed(client.reply()).answers.size(), 1u);
  }
  EXPECT_EQ(refusing.queries(), 4u) << "nothing is remembered of it";
  EXPECT_EQ(good.queries(), 2u);
  EXPECT_EQ(count("forwarded_without_edns"), 2u);
}

TEST_F(DnsTcpForwarderTest, ResolverThatRefusesByEdnsItselfIsFollowedByTheNextAtOnce) {
  const Resolver refusing({.flags = 0x8184, .records = 0});
  const Resolver good({});
  start({refusing.port(), good.port()});
  DnsTcpClient client = this->client();
  client.ask(query("www.example", 5));
  EXPECT_EQ(parsed(client.reply()).answers.size(), 1u);
  EXPECT_EQ(refusing.queries(), 1u);
  EXPECT_EQ(count("forwarded_without_edns"), 0u);
}

TEST_F(DnsTcpForwarderTest, ResolversThatAreLeftOutAreNotAskedAndCountAsNoAttempt) {
  SilentResolver silent;
  const Resolver good({});
  start({silent.port(), silent.port(), silent.port(), good.port()}, 20'000, 3);
  DnsTcpClient client = this->client();
  client.ask(query("www.example", 5));
  EXPECT_EQ(parsed(client.reply()).answers.size(), 1u);
  EXPECT_EQ(count("forwarded"), 1u);
}

TEST_F(DnsTcpForwarderTest, QuestionThatNobodyAnswersFailsInTime) {
  SilentResolver first, second;
  start({first.port(), second.port()}, 400);
  DnsTcpClient client = this->client();
  const auto before = std::chrono::steady_clock::now();
  client.ask(query("www.example", 5, true));
  const auto reply = parsed(client.reply());
  const auto took = std::chrono::steady_clock::now() - before;
  EXPECT_EQ(reply.id, 5u);
  EXPECT_EQ(reply.flags, 0x8182u);
  EXPECT_TRUE(reply.opt);
  EXPECT_GE(took, std::chrono::milliseconds(390));
  EXPECT_LT(took, std::chrono::seconds(5));
  EXPECT_EQ(count("forward_failed"), 1u);
}

TEST_F(DnsTcpForwarderTest, ConnectionThatWaitsForAResolverIsNotIdleAndIsOnceItHasItsAnswer) {
  SilentResolver silent;
  const Resolver good({});
  start({silent.port(), good.port()}, 600, 0, {.idle = std::chrono::milliseconds(20)});
  DnsTcpClient client = this->client();
  client.ask(query("www.example", 5));
  EXPECT_EQ(parsed(client.reply()).answers.size(), 1u);
  EXPECT_EQ(client.reply(), std::nullopt);
  EXPECT_EQ(count("closed_idle"), 1u);
}

TEST_F(DnsTcpForwarderTest, ClientHasSoManyQuestionsThatWaitOverAllItsConnections) {
  SilentResolver silent;
  per_client_ = 2;
  start({silent.port()}, 60'000);
  DnsTcpClient first = this->client(), second = this->client();
  for (unsigned id = 1; id <= 3; ++id) first.ask(query("a" + std::to_string(id) + ".example", id));
  const auto reply = parsed(first.reply());
  EXPECT_EQ(reply.id, 3u);
  EXPECT_EQ(reply.flags, 0x8185u) << "REFUSED";
  second.ask(query("b.example", 4));
  EXPECT_EQ(parsed(second.reply()).flags, 0x8185u);
  EXPECT_EQ(count("forward_refused"), 2u);
  EXPECT_EQ(count("forwarded"), 2u);
}

TEST_F(DnsTcpForwarderTest, QuestionThatHasItsAnswerMakesRoomForTheClientsNext) {
  const Resolver good({});
  per_client_ = 1;
  start({good.port()});
  DnsTcpClient client = this->client();
  for (unsigned id = 1; id <= 3; ++id) {
    client.ask(query("a.example", id));
    EXPECT_EQ(parsed(client.reply()).answers.size(), 1u);
  }
}

TEST_F(DnsTcpForwarderTest, ClientThatGoesAwayMeanwhileHarmsNobody) {
  SilentResolver silent;
  const Resolver good({});
  start({silent.port(), good.port()}, 400);
  {
    DnsTcpClient client = this->client();
    client.ask(query("www.example", 5));
  }
  DnsTcpClient other = this->client();
  other.ask(query("other.example", 6));
  EXPECT_EQ(parsed(other.reply()).id, 6u);
}

TEST_F(DnsTcpForwarderTest, ClientThatGoesAwayTakesNoAnswerFromThoseWhoAskTheSame) {
  SilentResolver silent;
  const Resolver good({});
  start({silent.port(), good.port()}, 600);
  DnsTcpClient other = this->client();
  {
    DnsTcpClient client = this->client();
    client.ask(query("www.example", 5));
    other.ask(query("www.example", 6));
  }
  EXPECT_EQ(parsed(other.reply()).id, 6u);
  EXPECT_EQ(good.queries(), 1u);
}

// A forwarder without a server, by a clock of the test's own.
class ForwarderCache : public ::testing::Test {
 protected:
  using Told = std::optional<test::ParsedMessage>;

  ForwarderCache() { forwarder_.set_cache_room(1 << 20); }

  // What the client is told, once the context has run.
  std::shared_ptr<Told> begin(std::string_view name, unsigned id = 9, bool has_opt = true,
                              bool is_dnssec_ok = false) {
    const std::string text =
        dns_header(0x0100, 1, 0, 0, 1, id) + dns_question(wire_name(name), 1) + dns_opt(512);
    DnsStreamAnswer parts;
    parts.is_for_others = true;
    parts.question_end = static_cast<uint16_t>(text.size() - 11);
    parts.has_opt = has_opt;
    parts.is_dnssec_ok = is_dnssec_ok;
    const auto told = std::make_shared<Told>();
    forwarder_.ask(
        {{reinterpret_cast<const uint8_t*>(text.data()), text.size()}, parts},
        boost::asio::ip::address_v4::loopback(), [told](std::span<const uint8_t> reply) {
          EXPECT_FALSE(told->has_value()) << "once";
          *told = test::parse_dns({reinterpret_cast<const char*>(reply.data()), reply.size()});
        });
    return told;
  }
  void run() {
    context_.restart();
    context_.run();
  }
  test::ParsedMessage ask(std::string_view name) {
    const auto told = begin(name);
    run();
    EXPECT_TRUE(told->has_value());
    return told->value_or(test::ParsedMessage{});
  }
  void pass(uint64_t seconds) { now_ns_ += seconds * DnsKnownAnswer::kSecondNs; }

  uint64_t now_ns_ = 1'000'000'000'000;
  boost::asio::io_context context_{1};
  DnsTcpForwarder forwarder_{context_, [this] { return now_ns_; }};
};

// Says nothing until it is told to, and sees whether its connection is closed.
class HeldResolver {
 public:
  uint16_t port() const { return acceptor_.local_endpoint().port(); }
  // Runs the context until a question has come.
  void await(boost::asio::io_context& context) {
    bool has_come = false;
    acceptor_.async_accept(socket_, [&](const boost::system::error_code& code) {
      EXPECT_FALSE(code);
      boost::asio::async_read(socket_, boost::asio::buffer(length_), [&](auto, size_t) {
        in_.resize(size_t{length_[0]} << 8 | length_[1]);
        boost::asio::async_read(socket_, boost::asio::buffer(in_),
                                [&](auto, size_t) { has_come = true; });
      });
    });
    context.restart();
    while (!has_come && context.run_one() != 0) continue;
    EXPECT_TRUE(has_come);
  }
  // With an OPT record, as the question has one.
  void answer(unsigned records) {
    const bool has_opt = in_[11] == 1;
    const std::string question = in_.substr(12, in_.size() - 12 - (has_opt ? 11 : 0));
    std::string reply = in_.substr(0, 2) + be16(0x8180) + be16(1) + be16(records) + be16(0) +
                        be16(has_opt) + question;
    for (unsigned i = 0; i < records; ++i) {
      reply += "\xc0\x0c" + be16(1) + be16(1) + be32(60) + be16(4) + be32(i);
    }
    if (has_opt) reply += dns_opt(1232);
    boost::asio::write(socket_,
                       boost::asio::buffer(be16(static_cast<unsigned>(reply.size())) + reply));
  }
  // Waits for it.
  bool is_closed() {
    boost::system::error_code code;
    char octet = 0;
    socket_.non_blocking(false);
    socket_.read_some(boost::asio::buffer(&octet, 1), code);
    return code == boost::asio::error::eof || code == boost::asio::error::connection_reset;
  }
  explicit HeldResolver(boost::asio::io_context& context)
      : acceptor_(context, {boost::asio::ip::address_v4::loopback(), 0}), socket_(context) {}

 private:
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::ip::tcp::socket socket_;
  std::array<uint8_t, 2> length_{};
  std::string in_;
};

DnsForwarding racing(const std::vector<uint16_t>& resolvers, unsigned timeout_ms = 20'000) {
  DnsForwarding forwarding = forwarding_to(resolvers, timeout_ms);
  forwarding.race_after_ns = 20'000'000;
  return forwarding;
}

TEST_F(ForwarderCache, FirstResolversLateAnswerIsTakenAfterTheSecondWasAskedAndAllAreClosed) {
  HeldResolver first(context_), second(context_);
  forwarder_.set(racing({first.port(), second.port()}));
  const auto told = begin("www.example");
  first.await(context_);
  second.await(context_);
  EXPECT_FALSE(told->has_value());
  first.answer(2);
  run();
  ASSERT_TRUE(told->has_value());
  EXPECT_EQ((*told)->answers.size(), 2u);
  EXPECT_TRUE(first.is_closed());
  EXPECT_TRUE(second.is_closed());
  EXPECT_EQ(forwarder_.asked(), 2u);
}

TEST_F(ForwarderCache, SecondResolversAnswerIsTakenWhileTheFirstIsSilentAndAllAreClosed) {
  HeldResolver first(context_), second(context_);
  forwarder_.set(racing({first.port(), second.port()}));
  const auto told = begin("www.example");
  first.await(context_);
  second.await(context_);
  second.answer(3);
  run();
  ASSERT_TRUE(told->has_value());
  EXPECT_EQ((*told)->answers.size(), 3u);
  EXPECT_TRUE(first.is_closed());
  EXPECT_TRUE(second.is_closed());
}

TEST_F(ForwarderCache, RefusalLeadsToTheNextAtOnce) {
  const Resolver refusing({.flags = 0x8185, .records = 0}), good({});
  DnsForwarding forwarding = forwarding_to({refusing.port(), good.port()}, 60'000);
  forwarding.race_after_ns = forwarding.timeout_ns;
  forwarder_.set(forwarding);
  EXPECT_EQ(ask("www.example").answers.size(), 1u);
}

TEST_F(ForwarderCache, RefusalLeavesTheOthersTheirTime) {
  HeldResolver first(context_);
  const Resolver refusing({.flags = 0x8185, .records = 0});
  forwarder_.set(racing({first.port(), refusing.port()}));
  const auto told = begin("www.example");
  first.await(context_);
  while (refusing.queries() == 0 && context_.run_one() != 0) continue;
  first.answer(2);
  run();
  ASSERT_TRUE(told->has_value());
  EXPECT_EQ((*told)->answers.size(), 2u);
}

TEST_F(ForwarderCache, RaceThatNobodyWinsFailsAtTheTimeOut) {
  const SilentResolver first, second;
  forwarder_.set(racing({first.port(), second.port()}, 200));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(ask("www.example").rcode(), 2u);
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(200));
  EXPECT_EQ(forwarder_.asked(), 2u);
  EXPECT_EQ(forwarder_.failed(), 1u);
}

TEST_F(ForwarderCache, ResolverIsAskedWithoutEdnsWithinARace) {
  HeldResolver first(context_);
  const Resolver old({.flags_for_edns = 0x8181});
  forwarder_.set(racing({first.port(), old.port()}));
  const auto told = begin("www.example");
  first.await(context_);
  run();
  ASSERT_TRUE(told->has_value());
  EXPECT_EQ((*told)->answers.size(), 1u);
  EXPECT_EQ(old.queries(), 2u);
  EXPECT_EQ(forwarder_.asked_without_edns(), 1u);
  EXPECT_TRUE(first.is_closed());
}

TEST_F(ForwarderCache, AnswerIsToldForItsTtlAndThenAskedForAgain) {
  const Resolver resolver({});
  forwarder_.set(forwarding_to({resolver.port()}));
  EXPECT_EQ(ask("www.example").answers.at(0).ttl, 60u);
  pass(59);
  EXPECT_EQ(ask("www.example").answers.at(0).ttl, 1u);
  EXPECT_EQ(resolver.queries(), 1u);
  pass(1);
  EXPECT_EQ(ask("www.example").answers.at(0).ttl, 60u);
  EXPECT_EQ(resolver.queries(), 2u);
}

TEST_F(ForwarderCache, WhatHasExpiredIsToldWhileNobodyAnswersAndTriedAgainAfterThirtySeconds) {
  Resolver resolver({});
  DnsForwarding forwarding = forwarding_to({resolver.port()});
  forwarding.stale_s = 100;
  forwarder_.set(forwarding);
  ask("www.example");
  resolver.refuse();
  pass(60);
  for (int i = 0; i < 2; ++i) {
    const auto stale = ask("www.example");
    EXPECT_EQ(stale.answers.at(0).ttl, 30u);
    EXPECT_EQ(stale.opt->rdata, test::dns_option(15, be16(3)));
  }
  EXPECT_EQ(resolver.queries(), 2u);
  pass(30);
  EXPECT_EQ(ask("www.example").answers.size(), 1u);
  EXPECT_EQ(resolver.queries(), 3u);
  EXPECT_EQ(forwarder_.stale(), 3u);
  EXPECT_EQ(forwarder_.failed(), 0u);
  pass(70);
  EXPECT_EQ(ask("www.example").rcode(), 2u) << "past that time, too";
}

TEST_F(ForwarderCache, EdnsIsTriedAgainAfterTenMinutesWhateverIsOnItsWayThen) {
  const Resolver old({.flags_for_edns = 0x8181});
  forwarder_.set(forwarding_to({old.port()}));
  ask("www.example");
  EXPECT_EQ(forwarder_.asked_without_edns(), 1u);
  pass(599);
  const auto told = begin("ftp.example");
  pass(2);
  run();
  ASSERT_TRUE(told->has_value());
  EXPECT_EQ(forwarder_.asked_without_edns(), 1u) << "it was known";
  ask("mail.example");
  EXPECT_EQ(forwarder_.asked_without_edns(), 2u);
}

TEST_F(ForwarderCache, FailureIsRememberedForFiveSeconds) {
  const Resolver refusing({.flags = 0x8185, .records = 0});
  forwarder_.set(forwarding_to({refusing.port()}));
  for (int i = 0; i < 2; ++i) {
    const auto told = ask("www.example");
    EXPECT_EQ(told.rcode(), 2u);
    EXPECT_EQ(told.opt->rdata, test::dns_option(15, be16(22)));
  }
  EXPECT_EQ(refusing.queries(), 1u);
  EXPECT_EQ(forwarder_.failed(), 2u);
  const Resolver good({});
  forwarder_.set(forwarding_to({good.port()}));
  pass(5);
  EXPECT_EQ(ask("www.example").answers.size(), 1u);
}

TEST_F(ForwarderCache, EqualQuestionsOnTheirWayAreOneAndEachClientHasAReplyOfItsOwn) {
  const Resolver resolver({});
  forwarder_.set(forwarding_to({resolver.port()}));
  const auto first = begin("www.example", 1);
  const auto second = begin("WWW.Example", 2, false);
  const auto other_name = begin("ftp.example", 3);
  const auto other_rules = begin("www.example", 4, true, true);
  EXPECT_EQ(forwarder_.coalesced(), 1u);
  run();
  EXPECT_EQ(resolver.queries(), 3u);
  for (const auto& told : {first, second, other_name, other_rules}) ASSERT_TRUE(told->has_value());
  EXPECT_EQ((*first)->id, 1u);
  EXPECT_EQ((*first)->answers.at(0).owner, "www.example");
  EXPECT_TRUE((*first)->opt);
  EXPECT_EQ((*second)->id, 2u);
  EXPECT_EQ((*second)->question, dns_question(wire_name("WWW.Example"), 1));
  EXPECT_EQ((*second)->answers.at(0).owner, "WWW.Example");
  EXPECT_FALSE((*second)->opt);
  EXPECT_EQ((*other_rules)->opt->ttl, 0x8000u);
}

TEST_F(ForwarderCache, QuestionThatManyAskFailsForEachOfThem) {
  const Resolver refusing({.flags = 0x8185, .records = 0});
  forwarder_.set(forwarding_to({refusing.port()}));
  const auto first = begin("www.example", 1), second = begin("www.example", 2);
  run();
  ASSERT_TRUE(first->has_value() && second->has_value());
  EXPECT_EQ((*first)->rcode(), 2u);
  EXPECT_EQ((*second)->rcode(), 2u);
  EXPECT_EQ((*second)->id, 2u);
  EXPECT_EQ(refusing.queries(), 1u);
  EXPECT_EQ(forwarder_.failed(), 2u);
}

TEST_F(ForwarderCache, WhoWaitsWithAnotherCountsAmongWhatTheClientMayAsk) {
  const Resolver resolver({});
  DnsForwarding forwarding = forwarding_to({resolver.port()});
  forwarding.per_client = 2;
  forwarder_.set(forwarding);
  const auto first = begin("www.example", 1), second = begin("www.example", 2);
  const auto third = begin("www.example", 3);
  ASSERT_TRUE(third->has_value());
  EXPECT_EQ((*third)->rcode(), 5u);
  run();
  EXPECT_TRUE(first->has_value() && second->has_value());
  EXPECT_EQ(ask("ftp.example").answers.size(), 1u) << "there is room again";
}

TEST_F(ForwarderCache, WhatOtherResolversHadSaidIsNotTold) {
  const Resolver before({}), after({.records = 2});
  DnsForwarding forwarding = forwarding_to({before.port()});
  forwarder_.set(forwarding);
  EXPECT_EQ(ask("www.example").answers.size(), 1u);
  forwarding.zones[0].resolvers[0].vlan = Be16(7);
  forwarder_.set(forwarding);
  EXPECT_EQ(ask("www.example").answers.size(), 1u);
  EXPECT_EQ(before.queries(), 1u) << "the way there is no matter";
  const auto late = begin("late.example");
  forwarder_.set(forwarding_to({after.port()}));
  EXPECT_EQ(ask("www.example").answers.size(), 2u);
  EXPECT_TRUE(late->has_value());
  EXPECT_EQ(ask("late.example").answers.size(), 2u) << "nor what came late";
}

TEST_F(ForwarderCache, QuestionIsAskedOfTheResolversOfItsTime) {
  const Resolver before({}), after({.records = 2});
  forwarder_.set(forwarding_to({before.port()}));
  const auto first = begin("www.example", 1);
  forwarder_.set(forwarding_to({after.port()}));
  const auto second = begin("www.example", 2);
  run();
  ASSERT_TRUE(first->has_value() && second->has_value());
  EXPECT_EQ((*first)->answers.size(), 1u);
  EXPECT_EQ((*second)->answers.size(), 2u);
}

}  // namespace
}  // namespace vipgate::dns_tcp_forwarder_test
