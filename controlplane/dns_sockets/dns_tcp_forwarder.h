// Asks resolvers over TCP (RFC 7766) what clients have asked by TCP, a connection for each that is
// asked. Who asks the same meanwhile waits with the first. What they say is kept.
#pragma once

// clang-format off
#include <utility>  // asio uses it unasked

#include <boost/asio.hpp>
// clang-format on

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "common/dns_forwarding.h"
#include "controlplane/dns_sockets/dns_answer_cache.h"
#include "controlplane/dns_sockets/dns_question.h"

namespace vipgate {

// Owned by the server, and used by its thread only, which runs the context. Whatever happens, each
// question is answered once, within DnsForwarding::timeout_ns: from what is kept, while that is
// fresh, or by a resolver, or, when none answers, by what is kept if it may be stale.
class DnsTcpForwarder {
 public:
  // Questions at the same time, of all clients; of one, DnsForwarding::per_client over all of its
  // connections. One more is REFUSED. What is answered from what is kept does not count. While so
  // many connections to resolvers are open, no question gets a second one.
  static constexpr size_t kMostQuestions = 256;

  using Done = std::function<void(std::span<const uint8_t> reply)>;

  // By which answers age: nanoseconds since any time.
  using Clock = std::function<uint64_t()>;

  explicit DnsTcpForwarder(boost::asio::io_context& context, Clock clock = steady_ns);

  // For what is asked from now on.
  void set(const DnsForwarding& forwarding);
  // Of answers that are kept.
  void set_cache_room(size_t octets) { cache_.set_room(octets, clock_()); }

  // `done` may be called before this returns.
  void ask(DnsForwardedQuery query, const boost::asio::ip::address& client, Done done);

  // Resolvers; then clients' questions.
  uint64_t asked() const { return asked_; }
  uint64_t asked_without_edns() const { return asked_without_edns_; }
  uint64_t failed() const { return failed_; }
  uint64_t refused() const { return refused_; }
  uint64_t coalesced() const { return coalesced_; }
  uint64_t cached() const { return cached_; }
  uint64_t stale() const { return stale_; }
  const DnsAnswerCache& cache() const { return cache_; }

 private:
  struct Waiter;
  struct Attempt;
  struct Question;
  using Held = std::shared_ptr<Question>;
  using Tried = std::shared_ptr<Attempt>;

  static uint64_t steady_ns();
  bool may_wait(const boost::asio::ip::address& client) const;
  // True: what is kept is told.
  bool answer_known(const DnsForwardedQuery& query, const std::string& key, const Done& done);
  void ask_next(const Held& question);
  void await_race(const Held& question);
  void ask_resolver(const Held& question, const Tried& attempt);
  void note_without_edns(const Attempt& attempt);
  void close(Attempt& attempt);
  void end(const Held& question, const Tried& attempt);
  void give_up(const Held& question, const Tried& attempt);
  void fail(const Held& question);
  void send(const Held& question, const Tried& attempt);
  void read(const Held& question, const Tried& attempt);
  void take(const Held& question, const Tried& attempt);
  // `reply_to` gives what becomes of a client's query.
  template <class ReplyTo>
  void finish(const Held& question, const ReplyTo& reply_to);

  boost::asio::io_context& context_;
  Clock clock_;
  DnsForwarding forwarding_;
  uint32_t epoch_ = 0;  // its epoch_of()
  DnsAnswerCache cache_;
  std::mt19937 ids_{std::random_device{}()};
  std::map<std::string, Held> asking_;                    // by key; who asks the same waits with it
  size_t questions_ = 0;                                  // clients'
  size_t connections_ = 0;                                // to resolvers
  std::map<boost::asio::ip::address, uint32_t> waiting_;  // of them, each client's
  // Resolvers that answer only without EDNS, and until when they are asked so at once.
  std::map<boost::asio::ip::tcp::endpoint, uint64_t> without_edns_;
  uint64_t asked_ = 0, asked_without_edns_ = 0, failed_ = 0, refused_ = 0, coalesced_ = 0,
           cached_ = 0, stale_ = 0;
};

}  // namespace vipgate
