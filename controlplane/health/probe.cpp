#include "controlplane/health/probe.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/proxy_protocol.h"

namespace vipgate {
namespace {

constexpr size_t kReceiveBytes = 4096;

// Of a socket's error, for the log: no two threads share strerror's buffer.
std::string text_of(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "connection refused";
    case ECONNRESET:
    case EPIPE:
      return "connection reset";
    case EHOSTUNREACH:
      return "host unreachable";
    case ENETUNREACH:
      return "network unreachable";
    case ETIMEDOUT:
      return "connection timed out";
    default:
      return "socket error " + std::to_string(error);
  }
}

CheckVerdict no_verdict(const char* call, int error) {
  return {CheckOutcome::kNoVerdict,
          std::string(call) + ": " + strerrorname_np(error) + " " + strerrordesc_np(error)};
}

// Errors of connect() itself that come from the other side; all else (no descriptor, no port, no
// route, a rule of the local firewall) is our own trouble.
bool is_verdict(int connect_error) {
  return connect_error == ECONNREFUSED || connect_error == EHOSTUNREACH ||
         connect_error == ECONNRESET || connect_error == ETIMEDOUT;
}

socklen_t to_sockaddr(const IpAddress& address, uint16_t port, sockaddr_storage& storage) {
  storage = {};
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.bytes().data(), 4);
    return sizeof v4;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, address.bytes().data(), 16);
  return sizeof v6;
}

}  // namespace

TlsClient* ProbeTools::tls(bool verify, std::string& error) {
  std::unique_ptr<TlsClient>& client = clients_[verify ? 1 : 0];
  if (client == nullptr) {
    auto made = TlsClient::create(verify);
    if (!made) {
      error = made.error();
      return nullptr;
    }
    client = std::move(made).value();
  }
  return client.get();
}

Probe::~Probe() {
  if (!is_connected_ || is_datagram_) return;
  const linger reset = {.l_onoff = 1, .l_linger = 0};
  // If it fails, an ordinary close follows.
  (void)setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

std::optional<CheckVerdict> Probe::begin(const RealKey& real, const HealthConfig& config,
                                         bool sends_proxy_header, uint16_t id,
                                         const TlsSession& earlier, bool keep, ProbeTools& tools) {
  auto exchange = make_exchange(real, config, id, keep);
  if (!exchange) return CheckVerdict{CheckOutcome::kNoVerdict, exchange.error()};
  exchange_ = std::move(exchange).value();
  must_send_proxy_header_ = sends_proxy_header;

  is_datagram_ = config.type == HealthType::kDns;
  const int type = (is_datagram_ ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  socket_ = FileDescriptor(socket(real.address.is_v4() ? AF_INET : AF_INET6, type, 0));
  if (socket_.get() < 0) {
    is_out_of_files_ = errno == EMFILE || errno == ENFILE;
    return no_verdict("socket", errno);
  }

  if (config.type == HealthType::kHttps) {
    std::string error;
    TlsClient* client = tools.tls(config.verify, error);
    if (client == nullptr) return CheckVerdict{CheckOutcome::kNoVerdict, error};
    tls_ = client->connect(socket_.get(), config.host, real.address, earlier);
    if (tls_ == nullptr) return CheckVerdict{CheckOutcome::kNoVerdict, "TLS: not enough memory"};
  }
  sockaddr_storage address;
  const socklen_t length =
      to_sockaddr(real.address, config.port != 0 ? config.port : real.port, address);
  if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0) {
    is_connected_ = true;
    return converse();
  }
  if (errno == EINPROGRESS) return std::nullopt;
  if (is_verdict(errno)) return failed(text_of(errno));
  return no_verdict("connect", errno);
}

std::optional<CheckVerdict> Probe::begin_again(const RealKey& real, const HealthConfig& config,
                                               uint16_t id, bool keep) {
  auto exchange = make_exchange(real, config, id, keep);
  if (!exchange) return CheckVerdict{CheckOutcome::kNoVerdict, exchange.error()};
  exchange_ = std::move(exchange).value();
  is_again_ = true;
  return converse();
}

std::optional<CheckVerdict> Probe::proceed(uint32_t epoll_events) {
  if (!is_connected_) {
    if (auto verdict = finish_connecting(epoll_events)) return verdict;
    if (!is_connected_) return std::nullopt;
  }
  return converse();
}

std::optional<CheckVerdict> Probe::finish_connecting(uint32_t epoll_events) {
  if ((epoll_events & (EPOLLERR | EPOLLHUP)) != 0) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    // A hang-up without an error: it was connected and is closed again.
    if (error != 0) return failed(text_of(error));
  }
  is_connected_ = (epoll_events & EPOLLOUT) != 0;
  return std::nullopt;
}

std::optional<CheckVerdict> Probe::send_proxy_header() {
  must_send_proxy_header_ = false;
  const ProxyHeaderStart header;  // LOCAL, without more
  const ssize_t count = send(socket_.get(), &header, sizeof header, MSG_NOSIGNAL);
  if (count < 0) return failed(text_of(errno));
  // An empty buffer takes it as a whole.
  if (static_cast<size_t>(count) < sizeof header) return no_verdict("send", ENOBUFS);
  return std::nullopt;
}

std::optional<CheckVerdict> Probe::converse() {
  if (must_send_proxy_header_) {
    if (auto verdict = send_proxy_header()) return verdict;
  }
  if (exchange_ == nullptr) return alive("connected");
  std::optional<CheckVerdict> verdict;
  // Ends: what an exchange takes in is bounded, and what it sends depends on that.
  do {
    while (send_some(verdict)) continue;
    if (verdict) return verdict;
  } while (receive_some(verdict));
  return verdict;
}

bool Probe::send_some(std::optional<CheckVerdict>& verdict) {
  const std::string_view output = exchange_->output();
  if (output.empty()) return false;
  if (tls_ != nullptr) {
    size_t count = 0;
    switch (tls_->write(output, count)) {
      case TlsStream::Io::kDone:
        exchange_->sent(count);
        return true;
      case TlsStream::Io::kWait:
        return false;
      case TlsStream::Io::kEnd:
        verdict = lost("connection closed before the reply was complete");
        return false;
      case TlsStream::Io::kFailed:
        verdict = lost(tls_->error());
        return false;
    }
  }
  const ssize_t count = send(socket_.get(), output.data(), output.size(), MSG_NOSIGNAL);
  if (count >= 0) {
    exchange_->sent(static_cast<size_t>(count));
    return true;
  }
  if (errno == EAGAIN || errno == EINTR) return false;
  const bool is_local = errno == ENOBUFS || errno == ENOMEM || errno == EPERM || errno == EMSGSIZE;
  verdict = is_local ? no_verdict("send", errno) : lost(text_of(errno));
  return false;
}

bool Probe::receive_some(std::optional<CheckVerdict>& verdict) {
  std::array<uint8_t, kReceiveBytes> room;
  size_t count = 0;
  switch (read(room, count)) {
    case TlsStream::Io::kDone:
      break;
    case TlsStream::Io::kWait:
      return false;
    case TlsStream::Io::kEnd:
      verdict = lost("connection closed before the reply was complete");
      return false;
    case TlsStream::Io::kFailed:
      verdict = lost(error_);
      return false;
  }
  is_again_ = false;
  verdict = exchange_->receive(std::span(room).first(count));
  return !verdict;
}

TlsStream::Io Probe::read(std::span<uint8_t> room, size_t& count) {
  if (tls_ != nullptr) {
    const TlsStream::Io result = tls_->read(room, count);
    if (result == TlsStream::Io::kFailed) error_ = tls_->error();
    return result;
  }
  const ssize_t received = recv(socket_.get(), room.data(), room.size(), 0);
  if (received < 0) {
    if (errno == EAGAIN || errno == EINTR) return TlsStream::Io::kWait;
    error_ = text_of(errno);
    return TlsStream::Io::kFailed;
  }
  count = static_cast<size_t>(received);
  return count == 0 && !is_datagram_ ? TlsStream::Io::kEnd : TlsStream::Io::kDone;
}

// The connection broke. A server may close an idle one at any time, also while the question is
// under way (RFC 9112, 9.5).
CheckVerdict Probe::lost(std::string why) {
  is_stale_ = is_again_;
  return failed(std::move(why));
}

bool Probe::is_keepable() {
  return exchange_ != nullptr && exchange_->take_rest({}) != Exchange::Rest::kUnusable;
}

bool Probe::take_rest() {
  std::array<uint8_t, kReceiveBytes> room;
  // Ends: an exchange takes in no more than its limit.
  while (is_keepable()) {
    size_t count = 0;
    const TlsStream::Io result = read(room, count);
    if (result == TlsStream::Io::kWait) return true;
    if (result != TlsStream::Io::kDone) return false;
    exchange_->take_rest(std::span(room).first(count));
  }
  return false;
}

bool Probe::is_clean() { return take_rest() && exchange_->take_rest({}) == Exchange::Rest::kNone; }

}  // namespace vipgate
