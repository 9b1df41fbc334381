// grpc.health.v1.Health/Check over HTTP/2 with prior knowledge (RFC 9113, 3.3): one call, written
// by hand. The answer's headers are not decoded: a server that is well sends a message, and one
// that is not sends another status in it, or none.
#include <algorithm>
#include <array>

#include "controlplane/health/exchange.h"

namespace vipgate {
namespace {

constexpr size_t kFrameHeaderBytes = 9;
constexpr size_t kMaxFrameBytes = 16'384;  // what we allow by not saying otherwise
constexpr size_t kMaxTakenBytes = 65'536;  // of all frames together
constexpr size_t kMaxMessageBytes = 1024;
constexpr size_t kMaxNameBytes = 100;  // keeps every length below one HPACK byte (RFC 7541, 5.1)
constexpr int kMaxAcknowledgments = 16;

constexpr uint8_t kData = 0, kHeaders = 1, kResetStream = 3, kSettings = 4, kPing = 6, kGoAway = 7;
constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8;
constexpr uint32_t kStream = 1;
constexpr uint8_t kServing = 1;

void append_frame(std::string& out, uint8_t type, uint8_t flags, uint32_t stream,
                  std::string_view payload) {
  const std::array<uint8_t, kFrameHeaderBytes> header = {static_cast<uint8_t>(payload.size() >> 16),
                                                         static_cast<uint8_t>(payload.size() >> 8),
                                                         static_cast<uint8_t>(payload.size()),
                                                         type,
                                                         flags,
                                                         static_cast<uint8_t>(stream >> 24),
                                                         static_cast<uint8_t>(stream >> 16),
                                                         static_cast<uint8_t>(stream >> 8),
                                                         static_cast<uint8_t>(stream)};
  out.append(reinterpret_cast<const char*>(header.data()), header.size());
  out.append(payload);
}

// A literal that is not indexed, with a literal name or that of the static table (RFC 7541, 6.2.2),
// without Huffman coding.
void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.push_back('\0');
  out.push_back(static_cast<char>(name.size()));
  out.append(name);
  out.push_back(static_cast<char>(value.size()));
  out.append(value);
}

std::string request(std::string_view authority, std::string_view service) {
  std::string headers;
  headers.push_back('\x83');  // :method: POST, of the static table
  headers.push_back('\x86');  // :scheme: http
  append_header(headers, ":path", "/grpc.health.v1.Health/Check");
  append_header(headers, ":authority", authority);
  append_header(headers, "content-type", "application/grpc");
  append_header(headers, "te", "trailers");
  append_header(headers, "user-agent", "vipgate-health");
  // HealthCheckRequest{service = 1}, after the length prefix of gRPC.
  std::string message;
  if (!service.empty()) {
    message.push_back('\x0a');
    message.push_back(static_cast<char>(service.size()));
    message.append(service);
  }
  const std::string body = std::string(4, '\0') + static_cast<char>(message.size()) + message;

  std::string out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  append_frame(out, kSettings, 0, 0, "");
  append_frame(out, kHeaders, kEndHeaders, kStream, headers);
  append_frame(out, kData, kEndStream, kStream, body);
  return out;
}

// The value of HealthCheckResponse.status (field 1, a varint); 0 (UNKNOWN) where it is not said,
// or where the bytes are none of such a message.
uint8_t serving_status(std::string_view message) {
  if (message.size() < 2 || message[0] != '\x08') return 0;
  const auto value = static_cast<uint8_t>(message[1]);
  return value < 0x80 ? value : 0;
}

class GrpcExchange : public Exchange {
 public:
  GrpcExchange(std::string_view authority, std::string_view service) {
    output_ = request(authority, service);
  }

  std::optional<CheckVerdict> receive(std::span<const uint8_t> bytes) override {
    taken_ += bytes.size();
    if (taken_ > kMaxTakenBytes) return failed("no gRPC reply within 65536 bytes");
    input_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (;;) {
      if (input_.size() < kFrameHeaderBytes) {
        // Whoever speaks HTTP/1 to us will never send a whole frame.
        if (std::string_view(input_).starts_with("HTTP/")) return failed("not an HTTP/2 reply");
        return std::nullopt;
      }
      const auto byte = [&](size_t at) { return static_cast<uint8_t>(input_[at]); };
      const size_t length = size_t{byte(0)} << 16 | size_t{byte(1)} << 8 | byte(2);
      // The first frame must be the server's SETTINGS (RFC 9113, 3.4).
      if (length > kMaxFrameBytes || (!has_settings_ && byte(3) != kSettings)) {
        return failed("not an HTTP/2 reply");
      }
      if (input_.size() < kFrameHeaderBytes + length) return std::nullopt;
      const uint32_t stream =
          (uint32_t{byte(5)} & 0x7f) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
      const std::string payload = input_.substr(kFrameHeaderBytes, length);
      auto verdict = take_frame(byte(3), byte(4), stream, payload);
      if (verdict) return verdict;
      input_.erase(0, kFrameHeaderBytes + length);
    }
  }

 private:
  std::optional<CheckVerdict> take_frame(uint8_t type, uint8_t flags, uint32_t stream,
                                         std::string_view payload) {
    if (type == kSettings || type == kPing) {
      has_settings_ = true;
      if ((flags & kAck) != 0) return std::nullopt;
      if (++acknowledgments_ > kMaxAcknowledgments) return failed("a flood of HTTP/2 frames");
      append_frame(output_, type, kAck, 0, type == kPing ? payload : "");
      return std::nullopt;
    }
    if (type == kGoAway) return failed("HTTP/2 connection refused by GOAWAY");
    if (stream != kStream) return std::nullopt;
    if (type == kResetStream) return failed("gRPC call reset");
    if (type == kData) {
      if (!append_data(flags, payload)) return failed("malformed gRPC reply");
      if (auto verdict = message_verdict()) return verdict;
    }
    // Headers alone, with a gRPC status in them: the service is not known, or not implemented.
    if ((type == kData || type == kHeaders) && (flags & kEndStream) != 0) {
      return failed("gRPC call ended without a health status");
    }
    return std::nullopt;
  }

  bool append_data(uint8_t flags, std::string_view payload) {
    if ((flags & kPadded) != 0) {
      const size_t padding = payload.empty() ? 0 : static_cast<uint8_t>(payload[0]);
      if (payload.size() < padding + 1) return false;
      payload = payload.substr(1, payload.size() - padding - 1);
    }
    message_.append(payload);
    return message_.size() <= kMaxMessageBytes;
  }

  std::optional<CheckVerdict> message_verdict() const {
    if (message_.size() < 5) return std::nullopt;
    const auto byte = [&](size_t at) { return static_cast<uint8_t>(message_[at]); };
    const size_t length =
        size_t{byte(1)} << 24 | size_t{byte(2)} << 16 | size_t{byte(3)} << 8 | byte(4);
    if (byte(0) != 0 || length > kMaxMessageBytes) return failed("malformed gRPC reply");
    if (message_.size() < 5 + length) return std::nullopt;
    const uint8_t status = serving_status(std::string_view(message_).substr(5, length));
    if (status == kServing) return alive("serving");
    return failed("health status " + std::to_string(status));
  }

  size_t taken_ = 0;
  int acknowledgments_ = 0;
  bool has_settings_ = false;
  std::string input_;
  std::string message_;
};

}  // namespace

// The service that is asked for is `path` without its slash: "/" means the whole server.
Result<std::unique_ptr<Exchange>> make_grpc_exchange(const RealKey& real,
                                                     const HealthConfig& config) {
  const uint16_t port = config.port != 0 ? config.port : real.port;
  const std::string authority =
      config.host.empty() ? endpoint_to_string(real.address, port) : config.host;
  std::string_view service = config.path;
  if (service.starts_with('/')) service.remove_prefix(1);
  if (!is_plain_token(authority, kMaxNameBytes) ||
      (!service.empty() && !is_plain_token(service, kMaxNameBytes))) {
    return Error{"health check: `host` and `path` of a gRPC check have at most 100 visible bytes"};
  }
  return std::unique_ptr<Exchange>(std::make_unique<GrpcExchange>(authority, service));
}

}  // namespace vipgate
