// What answers mean, byte by byte and without a network.
#include "controlplane/health/exchange.h"

#include <gmock/gmock.h>

#include <random>
#include <string>
#include <vector>

namespace vipgate::exchange_test {
namespace {

using testing::HasSubstr;

const RealKey kReal{parse_ip_address("10.1.0.7").value(), 8080};

HealthConfig config_of(HealthType type) {
  HealthConfig config;
  config.type = type;
  return config;
}

std::unique_ptr<Exchange> make(const HealthConfig& config, const RealKey& real = kReal) {
  auto made = make_exchange(real, config, 0x1234);
  EXPECT_TRUE(made.ok()) << made.error();
  return std::move(made).value();
}

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// "alive: status 200", "failed: …", "more".
std::string text_of(const std::optional<CheckVerdict>& verdict) {
  if (!verdict) return "more";
  return (verdict->outcome == CheckOutcome::kAlive ? "alive: " : "failed: ") + verdict->why;
}

// The answer in one piece, and byte by byte: the verdict must be the same.
std::string judge(const HealthConfig& config, std::string_view answer) {
  const std::string whole = text_of(make(config)->receive(bytes_of(answer)));
  const auto slow = make(config);
  std::optional<CheckVerdict> verdict;
  for (size_t i = 0; i < answer.size() && !verdict; ++i) {
    verdict = slow->receive(bytes_of(answer.substr(i, 1)));
  }
  EXPECT_EQ(text_of(verdict), whole) << answer;
  return whole;
}

TEST(HttpExchange, AsksWithTheHostOfTheRealUnlessAnotherIsGiven) {
  auto config = config_of(HealthType::kHttp);
  config.path = "/health?full=1";
  EXPECT_EQ(make(config)->output(),
            "GET /health?full=1 HTTP/1.1\r\nHost: 10.1.0.7:8080\r\nUser-Agent: vipgate-health\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n");
  config.port = 9000;
  EXPECT_THAT(std::string(make(config)->output()), HasSubstr("\r\nHost: 10.1.0.7:9000\r\n"));
  EXPECT_THAT(std::string(make(config, {parse_ip_address("fd01::7").value(), 80})->output()),
              HasSubstr("\r\nHost: [fd01::7]:9000\r\n"));
  config.host = "shop.example";
  EXPECT_THAT(std::string(make(config)->output()), HasSubstr("\r\nHost: shop.example\r\n"));
}

TEST(HttpExchange, AsksToCloseUnlessTheConnectionIsKept) {
  const auto config = config_of(HealthType::kHttp);
  constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no";
  const auto last = make(config);
  ASSERT_EQ(text_of(last->receive(bytes_of(kAnswer))), "alive: status 200");
  EXPECT_EQ(last->take_rest({}), Exchange::Rest::kUnusable);

  const auto exchange = std::move(make_exchange(kReal, config, 1, true)).value();
  EXPECT_EQ(exchange->output().find("Connection:"), std::string_view::npos);
  ASSERT_EQ(text_of(exchange->receive(bytes_of(kAnswer))), "alive: status 200");
  EXPECT_EQ(exchange->take_rest({}), Exchange::Rest::kMore);
  EXPECT_EQ(exchange->take_rest(bytes_of("k")), Exchange::Rest::kNone);
  EXPECT_EQ(exchange->take_rest(bytes_of("k")), Exchange::Rest::kUnusable);
}

TEST(HttpExchange, RefusesWhatWouldWriteHeadersOfItsOwn) {
  for (const std::string bad : {"", "health", "/a b", "/a\r\nX: y", "/\x80", "/\x7f", "/\t"}) {
    auto config = config_of(HealthType::kHttp);
    config.path = bad;
    EXPECT_FALSE(make_exchange(kReal, config, 1).ok()) << bad;
  }
  for (const std::string& bad :
       {std::string("a\r\nX: y"), std::string("a b"), std::string(300, 'a')}) {
    auto config = config_of(HealthType::kHttp);
    config.host = bad;
    EXPECT_FALSE(make_exchange(kReal, config, 1).ok()) << bad;
  }
}

TEST(HttpExchange, JudgesByTheStatusOnceTheHeadIsComplete) {
  const auto config = config_of(HealthType::kHttp);
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"HTTP/1.1 200 OK\r\n\r\n", "alive: status 200"},
      {"HTTP/1.0 204\r\nA: b\r\n\r\nbody", "alive: status 204"},
      {"HTTP/1.1 399 x\n\n", "alive: status 399"},
      {"HTTP/1.1 400 x\r\n\r\n", "failed: status 400"},
      {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n", "failed: status 503"},
      {"HTTP/1.1 200 OK\r\nA: b\r\n", "more"},
      {"HTTP/1.1 20", "more"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
       "alive: status 200"},
      {"HTTP/1.1 100 Continue\r\n\r\n", "more"},
      {"HTTP/1.1 101 Switching\r\n\r\n", "failed: status 101"},
      {"HTTP/2.0 200 OK\r\n\r\n", "failed: not an HTTP/1 reply"},
      {"HTTP/1.1 2000\r\n\r\n", "failed: not an HTTP/1 reply"},
      {"HTTP/1.1 2x0 OK\r\n\r\n", "failed: not an HTTP/1 reply"},
      {"HTTP/1.1  200 OK\r\n\r\n", "failed: not an HTTP/1 reply"},
      {"HTTP/1.1\r\n\r\n", "failed: not an HTTP/1 reply"},
      {"SSH-2.0-OpenSSH\r\n", "failed: not an HTTP/1 reply"},
      {std::string("\0\1\2", 3), "failed: not an HTTP/1 reply"},
  };
  for (const auto& [answer, expected] : rows) EXPECT_EQ(judge(config, answer), expected) << answer;
}

TEST(HttpExchange, AcceptsTheStatusesThatAreConfigured) {
  auto config = config_of(HealthType::kHttp);
  config.status_min = config.status_max = 401;
  EXPECT_EQ(judge(config, "HTTP/1.1 401 x\r\n\r\n"), "alive: status 401");
  EXPECT_EQ(judge(config, "HTTP/1.1 200 x\r\n\r\n"), "failed: status 200");
}

TEST(HttpExchange, TakesInSixteenKilobytesOfHeadAndNoMore) {
  const auto config = config_of(HealthType::kHttp);
  const std::string line = "HTTP/1.1 200 OK\r\n";
  const std::string fits = line + "A: " + std::string(16'384 - line.size() - 7, 'x') + "\r\n\r\n";
  ASSERT_EQ(fits.size(), 16'384u);
  EXPECT_EQ(judge(config, fits), "alive: status 200");
  EXPECT_EQ(judge(config, line + "A: " + std::string(20'000, 'x') + "\r\n\r\n"),
            "failed: head of the reply exceeds 16384 bytes");
  std::string interim;
  while (interim.size() < 20'000) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(judge(config, interim), "failed: head of the reply exceeds 16384 bytes");
}

// An answer of the server to what is asked: its header, then the question as it came.
std::string dns_answer(const Exchange& exchange, char flags, char code, std::string counts = {}) {
  std::string answer(exchange.output());
  answer[2] = flags;
  answer[3] = code;
  answer.replace(4, counts.size(), counts);
  return answer;
}

std::string judge_dns(const HealthConfig& config, char flags, char code) {
  const auto exchange = make(config);
  return text_of(exchange->receive(bytes_of(dns_answer(*exchange, flags, code))));
}

TEST(DnsExchange, AsksForTheAddressOfTheHost) {
  auto config = config_of(HealthType::kDns);
  config.host = "a.example.";
  EXPECT_EQ(make(config)->output(), std::string("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                                "\x01"
                                                "a\x07"
                                                "example\x00\x00\x01\x00\x01",
                                                12 + 11 + 4));
  config.host = "";
  EXPECT_EQ(make(config)->output().substr(12), std::string_view("\0\0\2\0\1", 5)) << "NS of .";
  for (const std::string& bad : {std::string("a..b"), std::string(64, 'a'), std::string("..")}) {
    config.host = bad;
    EXPECT_FALSE(make_exchange(kReal, config, 1).ok()) << bad;
  }
}

TEST(DnsExchange, TakesAnAnswerOrADenialForLife) {
  auto config = config_of(HealthType::kDns);
  config.host = "a.example";
  EXPECT_EQ(judge_dns(config, '\x81', '\x80'), "alive: answer");
  EXPECT_EQ(judge_dns(config, '\x85', '\x03'), "alive: no such name");
  EXPECT_EQ(judge_dns(config, '\x81', '\x02'), "failed: response code 2");
  EXPECT_EQ(judge_dns(config, '\x81', '\x05'), "failed: response code 5");
  const auto exchange = make(config);
  std::string answer = dns_answer(*exchange, '\x81', '\0');
  answer[13] = 'A';
  EXPECT_EQ(text_of(exchange->receive(bytes_of(answer))), "alive: answer") << "another case";
}

TEST(DnsExchange, PassesOverWhatAnswersAnotherQuestionButNotForEver) {
  auto config = config_of(HealthType::kDns);
  config.host = "a.example";
  const auto exchange = make(config);
  const std::string good = dns_answer(*exchange, '\x81', '\0');
  std::vector<std::string> strays = {"", "x", good.substr(0, 12), good.substr(0, good.size() - 1)};
  for (const size_t at : {0, 1, 2, 4, 5, 13, 24, 26}) {
    strays.push_back(good);
    strays.back()[at] = static_cast<char>(strays.back()[at] ^ '\x40');
  }
  strays.emplace_back(exchange->output());  // our own question
  strays.back()[2] = '\x01';
  for (const std::string& stray : strays) {
    EXPECT_EQ(text_of(exchange->receive(bytes_of(stray))), "more");
  }
  EXPECT_EQ(text_of(exchange->receive(bytes_of(good))), "alive: answer");
  const auto other = make(config);
  for (int i = 0; i < 15; ++i) EXPECT_EQ(text_of(other->receive(bytes_of("x"))), "more");
  EXPECT_EQ(text_of(other->receive(bytes_of("x"))), "failed: answers that match no question");
}

std::string frame(int type, int flags, int stream, const std::string& payload) {
  std::string out;
  out += static_cast<char>(payload.size() >> 16);
  out += static_cast<char>(payload.size() >> 8);
  out += static_cast<char>(payload.size());
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  out += std::string(3, '\0');
  out += static_cast<char>(stream);
  return out + payload;
}

const std::string kServerSettings = frame(4, 0, 0, "");

std::string health_data(char status, int flags = 0) {
  return frame(0, flags, 1, std::string("\0\0\0\0\2\x08", 6) + status);
}

TEST(GrpcExchange, AsksForTheServiceThatThePathNames) {
  auto config = config_of(HealthType::kGrpc);
  std::string all(make(config)->output());
  EXPECT_THAT(all, HasSubstr("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  EXPECT_THAT(all, HasSubstr("\x1c/grpc.health.v1.Health/Check"));
  EXPECT_THAT(all, HasSubstr("\x0d"
                             "10.1.0.7:8080"));
  EXPECT_TRUE(all.ends_with(frame(0, 1, 1, std::string(5, '\0'))));
  config.path = "/shop";
  all = make(config)->output();
  EXPECT_TRUE(all.ends_with(frame(0, 1, 1, std::string("\0\0\0\0\6\x0a\4shop", 11))));
  config.path = "/" + std::string(101, 'x');
  EXPECT_FALSE(make_exchange(kReal, config, 1).ok());
}

TEST(GrpcExchange, JudgesByTheStatusInTheMessage) {
  const auto config = config_of(HealthType::kGrpc);
  const std::string head = kServerSettings + frame(1, 4, 1, "\x88");
  const std::vector<std::pair<std::string, std::string>> rows = {
      {head + health_data(1), "alive: serving"},
      {head + health_data(2), "failed: health status 2"},
      {head + health_data(3), "failed: health status 3"},
      {head + frame(0, 0, 1, std::string(5, '\0')), "failed: health status 0"},
      {head + frame(0, 8, 1, std::string("\3\0\0\0\0\2\x08\1xyz", 11)), "alive: serving"},
      {head + frame(0, 8, 1, "\x09x"), "failed: malformed gRPC reply"},
      {head + frame(0, 0, 1, std::string("\1\0\0\0\2\x08\1", 7)), "failed: malformed gRPC reply"},
      {head + frame(0, 0, 1, std::string("\0\xff\xff\xff\xff", 5) + "x"),
       "failed: malformed gRPC reply"},
      {head + frame(0, 0, 1, std::string("\0\0", 2)) +
           frame(0, 0, 1, std::string("\0\0\2\x08\1", 5)),
       "alive: serving"},
      {head + frame(0, 0, 3, "x") + frame(8, 0, 0, "abcd") + health_data(1), "alive: serving"},
      {kServerSettings + frame(1, 5, 1, "\x88"), "failed: gRPC call ended without a health status"},
      {head + frame(0, 1, 1, ""), "failed: gRPC call ended without a health status"},
      {kServerSettings + frame(3, 0, 1, "abcd"), "failed: gRPC call reset"},
      {kServerSettings + frame(7, 0, 0, "abcdefgh"), "failed: HTTP/2 connection refused by GOAWAY"},
      {health_data(1), "failed: not an HTTP/2 reply"},
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "failed: not an HTTP/2 reply"},
      {head, "more"},
      {kServerSettings.substr(0, 5), "more"},
  };
  for (const auto& [answer, expected] : rows) EXPECT_EQ(judge(config, answer), expected);
}

TEST(GrpcExchange, AcknowledgesSettingsAndPingsButNoFlood) {
  const auto exchange = make(config_of(HealthType::kGrpc));
  exchange->sent(exchange->output().size());
  EXPECT_FALSE(exchange->receive(bytes_of(kServerSettings + frame(6, 0, 0, "12345678"))));
  EXPECT_EQ(exchange->output(), frame(4, 1, 0, "") + frame(6, 1, 0, "12345678"));
  std::string flood;
  for (int i = 0; i < 20; ++i) flood += frame(6, 0, 0, "12345678");
  EXPECT_EQ(text_of(exchange->receive(bytes_of(flood))), "failed: a flood of HTTP/2 frames");
}

TEST(GrpcExchange, TakesInNoMoreThanItsLimit) {
  const auto exchange = make(config_of(HealthType::kGrpc));
  std::optional<CheckVerdict> verdict = exchange->receive(bytes_of(kServerSettings));
  for (int i = 0; i < 10 && !verdict; ++i) {
    verdict = exchange->receive(bytes_of(frame(1, 0, 3, std::string(16'000, 'x'))));
  }
  EXPECT_EQ(text_of(verdict), "failed: no gRPC reply within 65536 bytes");
}

TEST(Exchange, SurvivesAnyBytes) {
  std::mt19937 random(11);
  const std::vector<std::string> seeds = {
      "HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n",
      kServerSettings + frame(1, 4, 1, "\x88") + health_data(1),
      std::string("\x12\x34\x81\x80\0\1\0\0\0\0\0\0\0\0\2\0\1", 17)};
  for (const HealthType type : {HealthType::kHttp, HealthType::kDns, HealthType::kGrpc}) {
    for (int round = 0; round < 20'000; ++round) {
      std::string bytes = seeds[random() % seeds.size()];
      for (uint32_t i = random() % 4; i > 0; --i) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      const auto exchange = make(config_of(type));
      std::optional<CheckVerdict> verdict;
      for (std::string_view rest = bytes; !rest.empty() && !verdict;) {
        const size_t count = std::min<size_t>(1 + random() % 40, rest.size());
        verdict = exchange->receive(bytes_of(rest.substr(0, count)));
        rest.remove_prefix(count);
      }
      if (verdict) {
        EXPECT_FALSE(verdict->why.empty());
      }
    }
  }
}

}  // namespace
}  // namespace vipgate::exchange_test
