#include "controlplane/dns_sockets/dns_tcp_server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio.hpp>
#include <list>
#include <map>
#include <optional>

#include "controlplane/dns_sockets/asio_address.h"
#include "controlplane/dns_sockets/dns_tcp_forwarder.h"
#include "controlplane/dns_sockets/dns_thread.h"
#include "controlplane/dns_sockets/socket_set.h"

namespace vipgate {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kScratchOctets = 65535;
constexpr size_t kReadOctets = 16 << 10;
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::seconds kAcceptWarning{60};

struct DnsTcpCounters {
  std::atomic<uint64_t> connections{0};
  std::atomic<uint64_t> queries{0};
  std::atomic<uint64_t> idle{0};
  std::atomic<uint64_t> displaced{0};
  std::atomic<uint64_t> refused{0};
  std::atomic<uint64_t> not_dns{0};
  std::atomic<uint64_t> forwarded{0};
  std::atomic<uint64_t> forward_failed{0};
  std::atomic<uint64_t> forwarded_without_edns{0};
  std::atomic<uint64_t> forward_refused{0};
  std::atomic<uint64_t> coalesced{0};
  std::atomic<uint64_t> cached{0};
  std::atomic<uint64_t> stale{0};
  std::atomic<uint64_t> answers_evicted{0};
};

void count(std::atomic<uint64_t>& counter, uint64_t n = 1) {
  counter.fetch_add(n, std::memory_order_relaxed);
}

// Whose connections are counted together.
asio::ip::address client_of(const asio::ip::address& address) {
  if (address.is_v4()) return address;
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), uint8_t{0});
  return asio::ip::address_v6(bytes);
}

}  // namespace

// All of it is the server's thread's, but for what a comment says.
class DnsTcpServer::Impl {
 public:
  Impl(AnswerDns answer, const DnsTcpLimits& limits)
      : answer_(std::move(answer)), scratch_(kScratchOctets) {
    set_limits(limits);
    thread_.start("dns-tcp");
  }

  ~Impl() { thread_.stop(); }

  // Of the control thread.
  template <class Work>
  auto on_thread(Work work) {
    return thread_.run(std::move(work));
  }

  std::vector<std::string> listen(const std::vector<AddressAndPort>& endpoints) {
    return listeners_.follow(endpoints, "DNS over TCP", context_, open,
                             [this](const Listener& listener) { accept(listener); });
  }

  void set_limits(const DnsTcpLimits& limits) {
    limits_ = limits;
    forwarder_.set_cache_room(size_t{limits.cache_mb} << 20);
    count_forwarded();
  }
  void set_forwarding(const DnsForwarding& forwarding) { forwarder_.set(forwarding); }

  std::vector<uint16_t> ports() const { return listeners_.ports(); }

  const DnsTcpCounters& counters() const { return counters_; }        // any thread
  size_t connections() const { return open_; }                        // any thread
  TableFill cache_kb() const { return {cache_kb_, cache_room_kb_}; }  // any thread

 private:
  struct Connection;
  using Connections = std::list<std::shared_ptr<Connection>>;
  using Listener = SocketSet<tcp::acceptor>::Held;

  // Its own handlers hold it; the list of all is what keeps it open.
  struct Connection {
    Connection(tcp::socket accepted, asio::ip::address group)
        : socket(std::move(accepted)), client(std::move(group)), timer(socket.get_executor()) {}
    tcp::socket socket;
    asio::ip::address client;
    asio::steady_timer timer;
    std::optional<DnsStream> stream;  // always there: it forwards for the connection that has it
    std::vector<uint8_t> out;
    size_t sent = 0;
    bool has_ended = false;   // the client has sent all that it will
    bool is_not_dns = false;  // what it has sent was no query: it gets no further answer
    Connections::iterator position;
    bool is_open = true;
    bool is_reading = false;
    bool is_sending = false;
  };
  using Held = std::shared_ptr<Connection>;

  static error_code open(tcp::acceptor& acceptor, const AddressAndPort& endpoint) {
    error_code code;
    const tcp::endpoint where(to_asio(endpoint.address), endpoint.port);
    acceptor.open(where.protocol(), code);
    if (!code) acceptor.set_option(tcp::acceptor::reuse_address(true), code);
    if (!code && !endpoint.address.is_v4()) acceptor.set_option(asio::ip::v6_only(true), code);
    if (!code) acceptor.bind(where, code);
    if (!code) acceptor.listen(tcp::acceptor::max_listen_connections, code);
    return code;
  }

  void accept(const Listener& listener) {
    listener->async_accept([this, listener](const error_code& code, tcp::socket socket) {
      // Not listened on any more; a connection may have been accepted before that was so.
      if (code == asio::error::operation_aborted || !listener->is_open()) return;
      if (code) {
        warn_of_accept(code);
        return accept_later(listener);
      }
      welcome(std::move(socket));
      accept(listener);
    });
  }
  void accept_later(const Listener& listener) {
    const auto pause = std::make_shared<asio::steady_timer>(context_, kAcceptPause);
    pause->async_wait([this, listener, pause](const error_code&) {
      if (listener->is_open()) accept(listener);
    });
  }
  void warn_of_accept(const error_code& code) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_warning_) return;
    next_warning_ = now + kAcceptWarning;
    spdlog::warn("DNS over TCP: a connection cannot be accepted: {}", code.message());
  }

  void welcome(tcp::socket socket) {
    error_code code;
    const tcp::endpoint peer = socket.remote_endpoint(code);
    if (code) return;  // it has gone already
    const auto client = client_of(peer.address());
    uint32_t& of_client = by_client_[client];
    if (of_client >= limits_.per_client) return count(counters_.refused);
    ++of_client;
    count(counters_.connections);
    while (all_.size() >= limits_.connections) {
      count(counters_.displaced);
      close(Held(all_.front()));
    }
    socket.set_option(tcp::no_delay(true), code);
    socket.non_blocking(true, code);
    const auto connection =
        std::make_shared<Connection>(std::move(socket), client_of(peer.address()));
    const std::weak_ptr<Connection> itself = connection;
    connection->stream.emplace(
        answer_,
        [this, itself](std::span<const uint8_t> query, const DnsStreamAnswer& parts) {
          forward(itself, query, parts);
        },
        from_asio(peer.address()), scratch_);
    connection->position = all_.insert(all_.end(), connection);
    open_ = all_.size();
    await(connection);
    read(connection);
  }

  // REQUIRES: `connection` is not the list's own, which goes.
  void close(const Held& connection) {
    if (!connection->is_open) return;
    connection->is_open = false;
    connection->timer.cancel();
    error_code ignored;
    connection->socket.close(ignored);
    all_.erase(connection->position);
    open_ = all_.size();
    const auto of_client = by_client_.find(connection->client);
    if (--of_client->second == 0) by_client_.erase(of_client);
  }

  // Gives it the idle time from now on, and the last place among those that may have to go.
  void await(const Held& connection) {
    all_.splice(all_.end(), all_, connection->position);
    start_idle_time(connection);
  }

  void start_idle_time(const Held& connection) {
    connection->timer.expires_after(limits_.idle);
    connection->timer.async_wait([this, connection](const error_code& code) {
      // One that had expired when it was set anew tells so all the same.
      const bool is_early = connection->timer.expiry() > asio::steady_timer::clock_type::now();
      if (code || is_early || !connection->is_open) return;
      // Who waits for what others are asked is not idle (RFC 7766 6.2.3), and does so for
      // dns.forward.timeout_ms at most.
      if (connection->stream->forwarded() != 0) return start_idle_time(connection);
      count(counters_.idle);
      close(connection);
    });
  }

  // Asks others; what they say is sent when it comes, if the connection is still there.
  void forward(const std::weak_ptr<Connection>& itself, std::span<const uint8_t> query,
               const DnsStreamAnswer& parts) {
    // Not before the stream has put the query behind it.
    const auto answer_later = [this, itself](std::span<const uint8_t> reply) {
      asio::post(context_, [this, itself, copy = std::vector<uint8_t>(reply.begin(), reply.end())] {
        count_forwarded();
        const Held connection = itself.lock();
        if (connection == nullptr || !connection->is_open) return;
        connection->stream->take_reply(copy);
        await(connection);
        if (!connection->is_sending) answer(connection);
      });
    };
    forwarder_.ask(DnsForwardedQuery(query, parts), Held(itself)->client, answer_later);
  }
  void count_forwarded() {
    counters_.forwarded.store(forwarder_.asked(), std::memory_order_relaxed);
    counters_.forward_failed.store(forwarder_.failed(), std::memory_order_relaxed);
    counters_.forwarded_without_edns.store(forwarder_.asked_without_edns(),
                                           std::memory_order_relaxed);
    counters_.coalesced.store(forwarder_.coalesced(), std::memory_order_relaxed);
    counters_.forward_refused.store(forwarder_.refused(), std::memory_order_relaxed);
    counters_.cached.store(forwarder_.cached(), std::memory_order_relaxed);
    counters_.stale.store(forwarder_.stale(), std::memory_order_relaxed);
    const DnsAnswerCache& cache = forwarder_.cache();
    counters_.answers_evicted.store(cache.evictions(), std::memory_order_relaxed);
    cache_kb_ = (cache.octets() + 1023) >> 10;
    cache_room_kb_ = cache.room() >> 10;
  }

  void read(const Held& connection) {
    if (connection->is_reading) return;
    connection->is_reading = true;
    connection->socket.async_wait(
        tcp::socket::wait_read, [this, connection](const error_code& failed) {
          connection->is_reading = false;
          if (!connection->is_open) return;
          if (failed) return close(connection);
          error_code code;
          const size_t octets = connection->socket.read_some(asio::buffer(in_), code);
          if (code == asio::error::would_block) return read(connection);
          if (code && code != asio::error::eof) return close(connection);
          connection->has_ended = code == asio::error::eof;
          if (!connection->is_not_dns) connection->stream->take({in_.data(), octets});
          if (!connection->is_sending) answer(connection);
        });
  }

  // Answers what has come, and goes on by sending, by reading, or not at all.
  void answer(const Held& connection) {
    DnsStream& stream = *connection->stream;
    const uint64_t before = stream.queries();
    if (!stream.answer(connection->out) && !connection->is_not_dns) {
      count(counters_.not_dns);
      connection->is_not_dns = true;
    }
    const uint64_t answered = stream.queries() - before;
    count(counters_.queries, answered);
    // Only whole queries are signs of life: one octet at a time is none.
    if (answered != 0) await(connection);
    if (!connection->out.empty()) return send(connection);
    // Others will answer, and nothing more is taken in meanwhile than may wait for them.
    if (stream.forwarded() != 0 && (connection->has_ended || connection->is_not_dns ||
                                    stream.forwarded() == DnsStream::kMostForwarded)) {
      return;
    }
    if (connection->has_ended) return close(connection);
    // Closed with octets unread, it would be reset, and the last replies with it.
    if (connection->is_not_dns) {
      error_code ignored;
      connection->socket.shutdown(tcp::socket::shutdown_send, ignored);
    }
    read(connection);
  }

  void send(const Held& connection) {
    connection->is_sending = true;
    const auto rest = asio::buffer(connection->out) + connection->sent;
    const auto on_sent = [this, connection](const error_code& code, size_t octets) {
      if (!connection->is_open) return;
      if (code) return close(connection);
      connection->sent += octets;
      if (connection->sent < connection->out.size()) return send(connection);
      // All of it is a sign of life: one octet at a time is none. The memory goes back.
      await(connection);
      connection->out = {};
      connection->sent = 0;
      connection->is_sending = false;
      answer(connection);
    };
    connection->socket.async_write_some(rest, on_sent);
  }

  AnswerDns answer_;
  DnsTcpLimits limits_;
  std::vector<uint8_t> scratch_;
  std::array<uint8_t, kReadOctets> in_;  // of whichever connection is read just now
  DnsTcpCounters counters_;
  DnsThread thread_;
  asio::io_context& context_ = thread_.context();
  DnsTcpForwarder forwarder_{context_};
  SocketSet<tcp::acceptor> listeners_;
  Connections all_;              // that which was active last at the end
  std::atomic<size_t> open_{0};  // of them
  std::atomic<uint64_t> cache_kb_{0}, cache_room_kb_{0};
  std::map<asio::ip::address, uint32_t> by_client_;
  std::chrono::steady_clock::time_point next_warning_;
};

DnsTcpServer::DnsTcpServer(AnswerDns answer, const DnsTcpLimits& limits)
    : impl_(std::make_unique<Impl>(std::move(answer), limits)) {}

DnsTcpServer::~DnsTcpServer() = default;

std::vector<std::string> DnsTcpServer::listen(const std::vector<AddressAndPort>& endpoints) {
  return impl_->on_thread([&] { return impl_->listen(endpoints); });
}

void DnsTcpServer::set_limits(const DnsTcpLimits& limits) {
  impl_->on_thread([&] { impl_->set_limits(limits); });
}

void DnsTcpServer::set_forwarding(const DnsForwarding& forwarding) {
  impl_->on_thread([&] { impl_->set_forwarding(forwarding); });
}

std::vector<uint16_t> DnsTcpServer::ports() const {
  return impl_->on_thread([&] { return impl_->ports(); });
}

size_t DnsTcpServer::connections() const { return impl_->connections(); }
TableFill DnsTcpServer::cache_kb() const { return impl_->cache_kb(); }

NamedCounters DnsTcpServer::counters() const {
  const DnsTcpCounters& counters = impl_->counters();
  return {{"dns_tcp.connections", counters.connections},
          {"dns_tcp.queries", counters.queries},
          {"dns_tcp.closed_idle", counters.idle},
          {"dns_tcp.closed_for_others", counters.displaced},
          {"dns_tcp.refused", counters.refused},
          {"dns_tcp.not_dns", counters.not_dns},
          {"dns_tcp.forwarded", counters.forwarded},
          {"dns_tcp.forward_failed", counters.forward_failed},
          {"dns_tcp.forwarded_without_edns", counters.forwarded_without_edns},
          {"dns_tcp.forward_refused", counters.forward_refused},
          {"dns_tcp.coalesced", counters.coalesced},
          {"dns_tcp.cached", counters.cached},
          {"dns_tcp.stale", counters.stale},
          {"dns_tcp.answers_evicted", counters.answers_evicted}};
}

}  // namespace vipgate
