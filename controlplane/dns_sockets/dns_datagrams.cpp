#include "controlplane/dns_sockets/dns_datagrams.h"

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <cerrno>
#include <utility>

#include "common/dns_wire.h"
#include "controlplane/dns_sockets/asio_address.h"
#include "controlplane/dns_sockets/dns_thread.h"
#include "controlplane/dns_sockets/socket_set.h"

namespace vipgate {
namespace {

using boost::asio::ip::udp;
using DatagramError = boost::system::error_code;

// Neither a query nor a reply is longer than a datagram may be.
constexpr size_t kDatagramOctets = 65535;

bool says_truncated(std::span<const uint8_t> reply) {
  return ((reply[2] << 8 | reply[3]) & DnsHeader::kTruncated) != 0;
}

struct DnsDatagramCounters {
  std::atomic<uint64_t> queries{0};
  std::atomic<uint64_t> truncated{0};
  std::atomic<uint64_t> unanswered{0};
  std::atomic<uint64_t> not_sent{0};
};

void add_one(std::atomic<uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

// Replies are whole, whatever smaller MTU anybody has told of their way: an answer has to fit where
// others' do (RFC 9715).
bool never_fragment(int socket, bool is_v4) {
  static_assert(IP_PMTUDISC_PROBE == IPV6_PMTUDISC_PROBE);
  const int mode = IP_PMTUDISC_PROBE;
  return setsockopt(socket, is_v4 ? IPPROTO_IP : IPPROTO_IPV6,
                    is_v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &mode, sizeof mode) == 0;
}

// Room for the datagrams of a burst, and whose they are.
class DatagramBurst {
 public:
  DatagramBurst() : octets_(DnsDatagrams::kBurst * kDatagramOctets) {
    for (size_t i = 0; i < DnsDatagrams::kBurst; ++i) {
      parts_[i].iov_base = octets_.data() + i * kDatagramOctets;
    }
  }
  DatagramBurst(const DatagramBurst&) = delete;
  DatagramBurst& operator=(const DatagramBurst&) = delete;

  // What has come to `socket`; none: nothing, or an error, which the next call may not have.
  size_t receive(int socket) {
    for (size_t i = 0; i < DnsDatagrams::kBurst; ++i) {
      parts_[i].iov_len = kDatagramOctets;
      headers_[i] = {};
      headers_[i].msg_hdr.msg_name = clients_[i].data();
      headers_[i].msg_hdr.msg_namelen = static_cast<socklen_t>(clients_[i].capacity());
      headers_[i].msg_hdr.msg_iov = &parts_[i];
      headers_[i].msg_hdr.msg_iovlen = 1;
    }
    const int count =
        recvmmsg(socket, headers_.data(), DnsDatagrams::kBurst, MSG_DONTWAIT, nullptr);
    return count < 0 ? 0 : static_cast<size_t>(count);
  }
  std::span<uint8_t> room(size_t i) {
    return {static_cast<uint8_t*>(parts_[i].iov_base), kDatagramOctets};
  }
  size_t length(size_t i) const { return headers_[i].msg_len; }
  AddressAndPort client(size_t i) {
    clients_[i].resize(headers_[i].msg_hdr.msg_namelen);
    return {from_asio(clients_[i].address()), clients_[i].port()};
  }
  // The reply to datagram `i`, which stands in its place, is the next one to be sent.
  void keep(size_t i, size_t length) {
    parts_[i].iov_len = length;
    headers_[replies_++] = headers_[i];  // none that is still needed: there are fewer replies
  }
  // Sends them; returns how many the kernel did not take.
  size_t send(int socket) {
    size_t failed = 0;
    for (size_t at = 0; at < replies_;) {
      const int sent = sendmmsg(socket, headers_.data() + at, static_cast<unsigned>(replies_ - at),
                                MSG_DONTWAIT);
      if (sent > 0) {
        at += static_cast<size_t>(sent);
        continue;
      }
      if (errno == EINTR) continue;
      // The first of them; those behind it may go.
      ++failed;
      ++at;
    }
    replies_ = 0;
    return failed;
  }

 private:
  std::vector<uint8_t> octets_;
  std::array<mmsghdr, DnsDatagrams::kBurst> headers_{};
  std::array<iovec, DnsDatagrams::kBurst> parts_{};
  std::array<udp::endpoint, DnsDatagrams::kBurst> clients_;
  size_t replies_ = 0;
};

}  // namespace

// All of it is the thread's, but for what a comment says.
class DnsDatagrams::Impl {
 public:
  explicit Impl(AnswerDnsDatagram answer) : answer_(std::move(answer)) { thread_.start("dns-udp"); }

  ~Impl() { thread_.stop(); }

  // Of the control thread.
  template <class Work>
  auto on_thread(Work work) {
    return thread_.run(std::move(work));
  }

  std::vector<std::string> listen(const std::vector<AddressAndPort>& endpoints) {
    return sockets_.follow(endpoints, "DNS over UDP", thread_.context(), open,
                           [this](const Socket& socket) { read(socket); });
  }

  std::vector<uint16_t> ports() const { return sockets_.ports(); }

  const DnsDatagramCounters& counters() const { return counters_; }  // any thread

 private:
  // One for each address, so that replies leave from that which was asked (RFC 2181 4.1).
  using Socket = SocketSet<udp::socket>::Held;

  static DatagramError open(udp::socket& socket, const AddressAndPort& endpoint) {
    DatagramError code;
    const bool is_v4 = endpoint.address.is_v4();
    const udp::endpoint where(to_asio(endpoint.address), endpoint.port);
    socket.open(where.protocol(), code);
    if (!code && !is_v4) socket.set_option(boost::asio::ip::v6_only(true), code);
    if (!code && !never_fragment(socket.native_handle(), is_v4)) {
      code.assign(errno, boost::system::system_category());
    }
    if (!code) socket.bind(where, code);
    return code;
  }

  void read(const Socket& socket) {
    socket->async_wait(udp::socket::wait_read, [this, socket](const DatagramError& code) {
      if (code || !socket->is_open()) return;
      answer(socket->native_handle());
      read(socket);
    });
  }

  void answer(int socket) {
    const size_t count = burst_.receive(socket);
    for (size_t i = 0; i < count; ++i) {
      add_one(counters_.queries);
      const size_t length = answer_(burst_.room(i), burst_.length(i), burst_.client(i));
      if (length == 0) {
        add_one(counters_.unanswered);
        continue;
      }
      if (says_truncated(burst_.room(i))) add_one(counters_.truncated);
      burst_.keep(i, length);
    }
    counters_.not_sent.fetch_add(burst_.send(socket), std::memory_order_relaxed);
  }

  AnswerDnsDatagram answer_;
  DatagramBurst burst_;
  DnsDatagramCounters counters_;
  DnsThread thread_;
  SocketSet<udp::socket> sockets_;
};

DnsDatagrams::DnsDatagrams(AnswerDnsDatagram answer)
    : impl_(std::make_unique<Impl>(std::move(answer))) {}

DnsDatagrams::~DnsDatagrams() = default;

std::vector<std::string> DnsDatagrams::listen(const std::vector<AddressAndPort>& endpoints) {
  return impl_->on_thread([&] { return impl_->listen(endpoints); });
}

std::vector<uint16_t> DnsDatagrams::ports() const {
  return impl_->on_thread([&] { return impl_->ports(); });
}

NamedCounters DnsDatagrams::counters() const {
  const DnsDatagramCounters& counters = impl_->counters();
  return {{"dns_udp.queries", counters.queries},
          {"dns_udp.truncated", counters.truncated},
          {"dns_udp.unanswered", counters.unanswered},
          {"dns_udp.not_sent", counters.not_sent}};
}

}  // namespace vipgate
