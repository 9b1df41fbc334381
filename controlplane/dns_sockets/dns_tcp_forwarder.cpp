#include "controlplane/dns_sockets/dns_tcp_forwarder.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "controlplane/dns_sockets/asio_address.h"

namespace vipgate {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

SipKey random_sip_key() {
  SipKey key;
  std::random_device random;
  for (uint8_t& octet : key.bytes) octet = static_cast<uint8_t>(random());
  return key;
}

}  // namespace

// A client's query, and what tells the client.
struct DnsTcpForwarder::Waiter {
  DnsForwardedQuery query;
  asio::ip::address client;
  Done done;
};

// A resolver that is asked, by a connection of its own.
struct DnsTcpForwarder::Attempt {
  Attempt(asio::io_context& context, tcp::endpoint its_resolver, bool with_edns)
      : resolver(std::move(its_resolver)), has_edns(with_edns), socket(context) {}

  tcp::endpoint resolver;
  bool has_edns;
  bool was_refused = false;  // by it, with EDNS
  bool is_over = false;      // what still comes of it counts no longer
  tcp::socket socket;
  uint16_t id = 0;
  std::vector<uint8_t> out;
  std::array<uint8_t, 2> length{};
  std::vector<uint8_t> in;
};

struct DnsTcpForwarder::Question {
  Question(asio::io_context& context, std::string its_key, uint32_t its_epoch)
      : key(std::move(its_key)), epoch(its_epoch), deadline(context), race(context) {}
  // As resolvers are asked it.
  const DnsForwardedQuery& query() const { return waiters.front().query; }

  std::string key;
  uint32_t epoch;                      // what comes of another one than now's is not kept
  std::vector<Waiter> waiters;         // the first one has begun it
  std::vector<DnsResolver> resolvers;  // that are left
  std::vector<Tried> attempts;         // that are open
  std::chrono::nanoseconds race_after{};
  asio::steady_timer deadline;
  asio::steady_timer race;  // then the next one is asked, too
  bool is_over = false;
};

DnsTcpForwarder::DnsTcpForwarder(asio::io_context& context, Clock clock)
    : context_(context), clock_(std::move(clock)), cache_(random_sip_key()) {}

uint64_t DnsTcpForwarder::steady_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::nanoseconds(now).count());
}

// What is on its way goes on, and nobody joins it.
void DnsTcpForwarder::set(const DnsForwarding& forwarding) {
  if (forwarding != forwarding_) asking_.clear();
  // What others had said is told no more.
  const uint32_t epoch = DnsForwarding::epoch_of(forwarding);
  if (epoch != std::exchange(epoch_, epoch)) cache_.clear();
  forwarding_ = forwarding;
}

bool DnsTcpForwarder::answer_known(const DnsForwardedQuery& query, const std::string& key,
                                   const Done& done) {
  const uint64_t now_ns = clock_();
  const DnsKnownAnswer* known = cache_.find(key);
  if (known == nullptr) return false;
  const bool is_fresh = known->is_fresh(now_ns);
  const bool may_be_stale = known->may_be_stale(now_ns, forwarding_.stale_s);
  if (!is_fresh && !(may_be_stale && now_ns < known->recheck_ns)) return false;
  ++(!is_fresh ? stale_ : known->is_failure ? failed_ : cached_);
  const std::vector<uint8_t> reply = query.reply(*known, now_ns);
  cache_.use(key);
  done(reply);
  return true;
}

// Whether there is room for one more question of that client.
bool DnsTcpForwarder::may_wait(const asio::ip::address& client) const {
  if (questions_ >= kMostQuestions) return false;
  const auto known = waiting_.find(client);
  return known == waiting_.end() || known->second < forwarding_.per_client;
}

void DnsTcpForwarder::ask(DnsForwardedQuery query, const asio::ip::address& client, Done done) {
  std::string key = query.key();
  if (forwarding_.is_on && answer_known(query, key, done)) return;
  if (!may_wait(client)) {
    ++refused_;
    return done(query.failure(DnsRcode::kRefused));
  }
  ++questions_;
  ++waiting_[client];
  Held& asking = asking_[key];
  if (asking != nullptr) {
    ++coalesced_;
    asking->waiters.push_back({std::move(query), client, std::move(done)});
    return;
  }
  const auto question = std::make_shared<Question>(context_, std::move(key), epoch_);
  asking = question;
  question->waiters.push_back({std::move(query), client, std::move(done)});
  if (forwarding_.is_on) {
    for (const DnsResolver& resolver : forwarding_.resolvers(question->query().name())) {
      if (question->resolvers.size() == forwarding_.attempts) break;
      if (!resolver.is_left_out) question->resolvers.push_back(resolver);
    }
    // The next one is at the end.
    std::reverse(question->resolvers.begin(), question->resolvers.end());
    question->race_after = std::chrono::nanoseconds(forwarding_.race_after_ns);
    question->deadline.expires_after(std::chrono::nanoseconds(forwarding_.timeout_ns));
    question->deadline.async_wait([this, question](const error_code& code) {
      if (!code && !question->is_over) fail(question);
    });
  }
  ask_next(question);
}

// Another resolver; those that have been asked may still answer.
void DnsTcpForwarder::ask_next(const Held& question) {
  if (question->resolvers.empty()) {
    if (question->attempts.empty()) fail(question);
    return;
  }
  const DnsResolver next = question->resolvers.back();
  question->resolvers.pop_back();
  const tcp::endpoint resolver{to_asio(next.address), next.port};
  const auto known = without_edns_.find(resolver);
  const bool has_edns = known == without_edns_.end() || known->second <= clock_();
  ask_resolver(question, std::make_shared<Attempt>(context_, resolver, has_edns));
  if (!question->resolvers.empty()) await_race(question);
}

void DnsTcpForwarder::await_race(const Held& question) {
  question->race.expires_after(question->race_after);
  question->race.async_wait([this, question](const error_code& code) {
    if (code || question->is_over) return;
    // Another one may have been asked since it was due.
    if (question->race.expiry() > std::chrono::steady_clock::now()) return;
    connections_ < kMostQuestions ? ask_next(question) : await_race(question);
  });
}

void DnsTcpForwarder::ask_resolver(const Held& question, const Tried& attempt) {
  ++asked_;
  ++connections_;
  question->attempts.push_back(attempt);
  attempt->id = static_cast<uint16_t>(ids_());
  attempt->out = question->query().question(attempt->id, attempt->has_edns);
  attempt->socket.async_connect(attempt->resolver,
                                [this, question, attempt](const error_code& code) {
                                  if (attempt->is_over) return;
                                  code ? give_up(question, attempt) : send(question, attempt);
                                });
}

void DnsTcpForwarder::close(Attempt& attempt) {
  error_code ignored;
  attempt.is_over = true;
  attempt.socket.close(ignored);
  --connections_;
}

void DnsTcpForwarder::end(const Held& question, const Tried& attempt) {
  close(*attempt);
  std::erase(question->attempts, attempt);
}

// The resolver has failed, and the next one's turn comes at once.
void DnsTcpForwarder::give_up(const Held& question, const Tried& attempt) {
  end(question, attempt);
  ask_next(question);
}

// It has answered, and may be asked with EDNS again in a while.
void DnsTcpForwarder::note_without_edns(const Attempt& attempt) {
  constexpr size_t kMostResolvers = 64;
  const uint64_t now_ns = clock_();
  std::erase_if(without_edns_, [&](const auto& known) { return known.second <= now_ns; });
  if (without_edns_.size() == kMostResolvers) return;
  without_edns_.emplace(attempt.resolver, now_ns + kDnsWithoutEdnsNs);
}

void DnsTcpForwarder::fail(const Held& question) {
  const uint64_t now_ns = clock_();
  DnsKnownAnswer* known = cache_.find(question->key);
  if (known != nullptr && known->may_be_stale(now_ns, forwarding_.stale_s)) {
    stale_ += question->waiters.size();
    known->recheck_ns = now_ns + kDnsStaleRecheckSeconds * DnsKnownAnswer::kSecondNs;
    // Who is told may ask at once, and the cache change.
    const DnsKnownAnswer stale = *known;
    return finish(question,
                  [&](const DnsForwardedQuery& query) { return query.reply(stale, now_ns); });
  }
  failed_ += question->waiters.size();
  if (forwarding_.is_on && question->epoch == epoch_) cache_.store_failure(question->key, now_ns);
  finish(question, [](const DnsForwardedQuery& query) {
    return query.failure(DnsRcode::kServFail, DnsExtendedError::kNoReachableAuthority);
  });
}

void DnsTcpForwarder::send(const Held& question, const Tried& attempt) {
  asio::async_write(attempt->socket, asio::buffer(attempt->out),
                    [this, question, attempt](const error_code& code, size_t) {
                      if (attempt->is_over) return;
                      code ? give_up(question, attempt) : read(question, attempt);
                    });
}

void DnsTcpForwarder::read(const Held& question, const Tried& attempt) {
  const auto on_message = [this, question, attempt](const error_code& code, size_t) {
    if (attempt->is_over) return;
    code ? give_up(question, attempt) : take(question, attempt);
  };
  const auto on_length = [this, question, attempt, on_message](const error_code& code, size_t) {
    if (attempt->is_over) return;
    if (code) return give_up(question, attempt);
    attempt->in.resize(size_t{attempt->length[0]} << 8 | attempt->length[1]);
    asio::async_read(attempt->socket, asio::buffer(attempt->in), on_message);
  };
  asio::async_read(attempt->socket, asio::buffer(attempt->length), on_length);
}

// What is told is what is kept, so that the second client is told as the first one.
void DnsTcpForwarder::take(const Held& question, const Tried& attempt) {
  const uint64_t now_ns = clock_();
  const DnsTtlLimits limits{forwarding_.max_ttl_s, forwarding_.negative_ttl_s};
  auto known = question->query().read(attempt->in, attempt->id, limits, now_ns);
  if (!known) {
    if (!attempt->has_edns || !question->query().may_lack_edns(attempt->in, attempt->id)) {
      return give_up(question, attempt);
    }
    end(question, attempt);
    const auto again = std::make_shared<Attempt>(context_, attempt->resolver, false);
    again->was_refused = true;
    ++asked_without_edns_;
    return ask_resolver(question, again);
  }
  if (attempt->was_refused) note_without_edns(*attempt);
  if (known->ttl_s != 0 && question->epoch == epoch_) {
    cache_.store(question->key, *known, forwarding_.stale_s, now_ns);
  }
  finish(question, [&](const DnsForwardedQuery& query) { return query.reply(*known, now_ns); });
}

// Each client gets its own reply. One that has gone away has no part in it, and harms nobody's.
template <class ReplyTo>
void DnsTcpForwarder::finish(const Held& question, const ReplyTo& reply_to) {
  question->is_over = true;
  question->deadline.cancel();
  question->race.cancel();
  for (const Tried& attempt : question->attempts) close(*attempt);
  question->attempts.clear();
  const auto asking = asking_.find(question->key);
  if (asking != asking_.end() && asking->second == question) asking_.erase(asking);
  for (const Waiter& waiter : question->waiters) {
    --questions_;
    const auto waiting = waiting_.find(waiter.client);
    if (--waiting->second == 0) waiting_.erase(waiting);
    waiter.done(reply_to(waiter.query));
  }
}

}  // namespace vipgate
