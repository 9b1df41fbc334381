// Streams, good and bad, through the server that listens for DNS over TCP, answered by the
// responder as the data plane has it answer.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "controlplane/dns_sockets/dns_tcp_server.h"
#include "dataplane/fastpath/dns_responder.h"
#include "tests/support/dns_fixture.h"
#include "tests/support/dns_rows.h"

namespace vipgate {
namespace {

using namespace test;

// What the client sees of the end: open as long as it waits, or closed by us.
enum class End { kOpen, kClosed };

struct StreamRow {
  std::string name;
  std::string octets;  // what the client sends
  // The replies in order, each with the query that it answers.
  std::vector<Row> replies{};
  End end = End::kOpen;
  bool has_half_closed = false;  // the client sends no more
};

std::ostream& operator<<(std::ostream& out, const StreamRow& row) { return out << row.name; }

std::string framed(const std::string& message) {
  return be16(static_cast<unsigned>(message.size())) + message;
}

constexpr uint8_t kLoopback[] = {127, 0, 0, 1};

// A whole cookie for the address that the tests connect from is not that of other rows.
DnsPolicy stream_policy() {
  DnsPolicy policy = row_policy(false);
  policy.cookie_secrets.clear();
  return policy;
}

DnsStreamAnswer answer_stream(std::span<uint8_t> message, size_t length, const IpAddress& client) {
  static const auto table = make_test_table();
  static const DnsPolicy policy = stream_policy();
  EXPECT_EQ(0, std::memcmp(client.bytes().data(), kLoopback, sizeof kLoopback));
  const DnsQuery query{
      .message = message.data(),
      .length = static_cast<uint16_t>(length),
      .capacity = static_cast<uint16_t>(std::min<size_t>(message.size(), UINT16_MAX)),
      .source_port = {},
      .client = client.bytes().data(),
      .client_length = static_cast<uint8_t>(client.bits() / 8),
      .is_stream = true};
  DnsStreamAnswer answer;
  answer.length = dns_respond(test_context(*table, policy), query, 0).length;
  return answer;
}

class StreamClient {
 public:
  explicit StreamClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    std::memcpy(&where.sin_addr, kLoopback, sizeof kLoopback);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    set_patience(20'000);
  }
  ~StreamClient() { close(socket_); }
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;

  void send(const std::string& octets) const {
    ASSERT_EQ(::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(octets.size()));
  }
  void half_close() const { shutdown(socket_, SHUT_WR); }
  void set_patience(int ms) const {
    const timeval patience{.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  std::string receive(size_t octets) const {
    std::string text(octets, '\0');
    const ssize_t count = recv(socket_, text.data(), octets, MSG_WAITALL);
    text.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return text;
  }
  std::string reply() const {
    const std::string length = receive(2);
    if (length.size() < 2) return "";
    return receive(static_cast<uint8_t>(length[0]) * 256u + static_cast<uint8_t>(length[1]));
  }
  // Whether the server has closed, by FIN or RST; `patience`: how long an open one is looked at.
  bool is_closed_within(int patience_ms) const {
    set_patience(patience_ms);
    char octet;
    const ssize_t count = recv(socket_, &octet, 1, 0);
    EXPECT_LE(count, 0) << "octets behind the replies";
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  }

 private:
  const int socket_;
};

class DnsStreamRows : public ::testing::TestWithParam<StreamRow> {};

TEST_P(DnsStreamRows, GetsTheRightAnswer) {
  const StreamRow& row = GetParam();
  DnsTcpServer server(answer_stream, {});
  ASSERT_TRUE(server.listen({{Ipv4Address{Be32(0x7f000001)}, 0}}).empty());
  const StreamClient client(server.ports().at(0));
  client.send(row.octets);
  if (row.has_half_closed) client.half_close();
  for (const Row& expected : row.replies) {
    SCOPED_TRACE(expected.name);
    const std::string octets = client.reply();
    ASSERT_FALSE(octets.empty());
    check_reply(expected, octets);
  }
  const bool is_closed = row.end == End::kClosed || row.has_half_closed;
  EXPECT_EQ(client.is_closed_within(is_closed ? 20'000 : 100), is_closed);
  if (is_closed) return;
  client.set_patience(20'000);
  client.send(framed(a_query()));
  check_reply({"another query", a_query(), answer()}, client.reply());
}

StreamRow lone(const char* name, const std::string& query, const Right& right) {
  return {name, framed(query), {{name, query, right}}};
}

std::vector<StreamRow> stream_rows() {
  const std::string q = a_query();
  const std::string other =
      dns_header(0x0100, 1, 0, 0, 0, 0x5678) + dns_question(wire_name("mesos"), kTypeSoa);
  const std::vector<Row> both = {{"the first", q, answer()},
                                 {"the second", other, answer(1, kTypeSoa)}};
  const std::string soa_record = dns_record(
      wire_name("mesos"), kTypeSoa, test_soa().mname + test_soa().rname + std::string(20, '\0'));
  std::string truncated_query = q;
  truncated_query[2] |= 0x02;
  const auto keepalive = [](const std::string& data) {
    return edns(dns_opt(1232, 0, dns_option(kOptionKeepalive, data)));
  };
  // The policy's 10 s in units of 100 ms.
  const Right kept = answer().option(kOptionKeepalive, be16(100));
  const std::string garbage = dns_header(0x0100, 1) + "\xc0\x0c" + be16(kTypeA) + be16(1);
  return {
      lone("one query", q, answer()),
      lone("120 A", a_query("many.mesos"), answer(120)),
      {"two queries in one segment", framed(q) + framed(other), both},
      {"length 0", framed(""), {}, End::kClosed},
      {"length 0 then a query", framed("") + framed(q), {}, End::kClosed},
      {"length 11 (short header)", framed(dns_header(0, 1).substr(0, 11)), {}, End::kClosed},
      lone("length 12 QDCOUNT=0", dns_header(0, 0), header_only(kFormerr)),
      {"QR=1", framed(dns_header(0x8100, 1) + question_a()), {}, End::kClosed},
      {"query then half close", framed(q), {{"it", q, answer()}}, End::kClosed, true},
      {"two queries then half close", framed(q) + framed(other), both, End::kClosed, true},
      {"a query, then QR=1",
       framed(q) + framed(dns_header(0x8100, 1) + question_a()),
       {{"it", q, answer()}},
       End::kClosed},
      lone("opcode 15", dns_header(15 << 11, 0), header_only(kNotimp)),
      lone("AXFR", dns_query("mesos", 252), error(kRefused)),
      lone("IXFR", dns_header(0, 1, 0, 1) + dns_question(wire_name("mesos"), 251) + soa_record,
           error(kRefused)),
      lone("EDNS keepalive option", keepalive(""), kept),
      lone("EDNS keepalive with timeout data in query (bad)", keepalive(be16(7)), kept),
      lone("EDNS size 512, 40 A", edns(dns_opt(512), "forty.mesos"), answer(40).opt()),
      lone("TC=1 in query", truncated_query, answer()),
      lone("garbage name", garbage, header_only(kFormerr)),
      lone("NXDOMAIN", a_query("nope.mesos"), nxdomain()),
  };
}

std::string stream_test_name(const ::testing::TestParamInfo<StreamRow>& info) {
  return row_test_name({{info.param.name, ""}, info.index});
}

INSTANTIATE_TEST_SUITE_P(Dns, DnsStreamRows, ::testing::ValuesIn(stream_rows()), stream_test_name);

}  // namespace
}  // namespace vipgate
