// HTTP/1.1 (RFC 9112): one GET, and the head of its answer, which has the verdict.
#include <algorithm>

#include "common/ascii.h"
#include "controlplane/health/exchange.h"
#include "controlplane/health/http_rest.h"

namespace vipgate {
namespace {

constexpr size_t kMaxHeadBytes = 16'384;  // of all heads together, interim ones included
constexpr size_t kMaxPathBytes = 2048;
constexpr size_t kMaxHostFieldBytes = 261;  // a name of 255 bytes, a colon, a port

constexpr std::string_view kVersion = "HTTP/1.";
constexpr size_t kStatusLineBytes = 12;  // "HTTP/1.1 200"

// The status of a head that has at least kStatusLineBytes; -1: it is none.
int parse_status(std::string_view head) {
  if (!head.starts_with(kVersion) || !is_digit(head[7]) || head[8] != ' ') return -1;
  if (!is_digit(head[9]) || !is_digit(head[10]) || !is_digit(head[11])) return -1;
  const char after = head.size() > kStatusLineBytes ? head[kStatusLineBytes] : ' ';
  if (after != ' ' && after != '\r' && after != '\n') return -1;
  return (head[9] - '0') * 100 + (head[10] - '0') * 10 + (head[11] - '0');
}

// The length of the head with its empty line, or npos. A line may end without the CR (2.2).
size_t head_length(std::string_view text, size_t from) {
  for (size_t at = text.find('\n', from); at != text.npos; at = text.find('\n', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.starts_with('\n')) return at + 2;
    if (rest.starts_with("\r\n")) return at + 3;
  }
  return text.npos;
}

class HttpExchange : public Exchange {
 public:
  HttpExchange(const HealthConfig& config, const std::string& host, bool keep)
      : status_min_(config.status_min), status_max_(config.status_max), keep_(keep) {
    output_ = "GET " + config.path + " HTTP/1.1\r\nHost: " + host +
              "\r\nUser-Agent: vipgate-health\r\nAccept: */*\r\n" +
              (keep ? "" : "Connection: close\r\n") + "\r\n";
  }

  std::optional<CheckVerdict> receive(std::span<const uint8_t> bytes) override {
    const size_t room = kMaxHeadBytes - taken_;
    const size_t count = std::min(room, bytes.size());
    // An end that is spread over two deliveries begins up to three bytes before the new ones.
    size_t from = head_.size() < 3 ? 0 : head_.size() - 3;
    head_.append(reinterpret_cast<const char*>(bytes.data()), count);
    taken_ += count;
    for (;;) {
      const size_t shown = std::min(head_.size(), kVersion.size());
      if (std::string_view(head_).substr(0, shown) != kVersion.substr(0, shown)) {
        return failed("not an HTTP/1 reply");
      }
      int status = 0;
      if (head_.size() > kStatusLineBytes) {
        status = parse_status(head_);
        if (status < 0) return failed("not an HTTP/1 reply");
      }
      const size_t length = head_length(head_, from);
      if (length == std::string::npos) break;
      if (status == 0) return failed("not an HTTP/1 reply");
      // 1xx other than 101 announces that the real answer follows.
      if (status >= 200 || status == 101) {
        if (keep_) begin_rest(length, status, bytes.subspan(count));
        return verdict(status);
      }
      head_.erase(0, length);
      from = 0;
    }
    if (taken_ == kMaxHeadBytes) {
      return failed("head of the reply exceeds " + std::to_string(kMaxHeadBytes) + " bytes");
    }
    return std::nullopt;
  }

  Rest take_rest(std::span<const uint8_t> bytes) override { return rest_.take(bytes); }

 private:
  // `beyond`: what came with the head and had no room beside it.
  void begin_rest(size_t head_length, int status, std::span<const uint8_t> beyond) {
    rest_ = HttpRest(std::string_view(head_).substr(0, head_length), status);
    const auto* text = reinterpret_cast<const uint8_t*>(head_.data());
    rest_.take({text + head_length, head_.size() - head_length});
    rest_.take(beyond);
    head_ = std::string();  // gives its memory back: the connection may be kept for long
  }

  CheckVerdict verdict(int status) const {
    std::string why = "status " + std::to_string(status);
    if (status < status_min_ || status > status_max_) return failed(std::move(why));
    return alive(std::move(why));
  }

  int status_min_;
  int status_max_;
  bool keep_;
  size_t taken_ = 0;
  std::string head_;
  HttpRest rest_;
};

}  // namespace

Result<std::unique_ptr<Exchange>> make_http_exchange(const RealKey& real,
                                                     const HealthConfig& config, bool keep) {
  if (!is_plain_token(config.path, kMaxPathBytes) || config.path[0] != '/') {
    return Error{"health check: `path` must begin with / and have no blanks or control characters"};
  }
  const uint16_t port = config.port != 0 ? config.port : real.port;
  const std::string host =
      config.host.empty() ? endpoint_to_string(real.address, port) : config.host;
  if (!is_plain_token(host, kMaxHostFieldBytes)) {
    return Error{"health check: `host` must be a name, without blanks or control characters"};
  }
  return std::unique_ptr<Exchange>(std::make_unique<HttpExchange>(config, host, keep));
}

}  // namespace vipgate
