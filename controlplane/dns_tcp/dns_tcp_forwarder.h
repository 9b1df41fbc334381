// Asks resolvers over TCP (RFC 7766) what clients have asked by TCP, one connection for a question.
#pragma once

// clang-format off
#include <utility>  // asio uses it unasked

#include <boost/asio.hpp>
// clang-format on

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "common/dns_forwarding.h"
#include "controlplane/dns_tcp/dns_question.h"

namespace vipgate {

// Owned by the server, and used by its thread only, which runs the context. Whatever happens, each
// question is answered once, within DnsForwarding::timeout_ns.
class DnsTcpForwarder {
 public:
  // Questions at the same time; one more is REFUSED.
  static constexpr size_t kMostQuestions = 256;

  using Done = std::function<void(std::span<const uint8_t> reply)>;

  explicit DnsTcpForwarder(boost::asio::io_context& context) : context_(context) {}

  // For what is asked from now on.
  void set(const DnsForwarding& forwarding) { forwarding_ = forwarding; }

  // `done` may be called before this returns.
  void ask(DnsForwardedQuery query, Done done);

  uint64_t asked() const { return asked_; }
  uint64_t failed() const { return failed_; }
  uint64_t refused() const { return refused_; }

 private:
  struct Question;
  using Held = std::shared_ptr<Question>;

  void ask_next(const Held& question);
  void send(const Held& question);
  void read(const Held& question);
  void finish(const Held& question, std::span<const uint8_t> reply);

  boost::asio::io_context& context_;
  DnsForwarding forwarding_;
  std::mt19937 ids_{std::random_device{}()};
  size_t questions_ = 0;
  uint64_t asked_ = 0, failed_ = 0, refused_ = 0;
};

}  // namespace vipgate
