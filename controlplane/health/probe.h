// One check in flight: a socket, perhaps TLS on it, and what is said over it. Its connection may
// serve further checks of the same target.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "controlplane/file_descriptor.h"
#include "controlplane/health/exchange.h"
#include "controlplane/health/tls_client.h"

namespace vipgate {

// What a probe needs besides its target. Made by the engine; TLS contexts are set up when the first
// check needs them.
class ProbeTools {
 public:
  // Null: `error` says why not.
  TlsClient* tls(bool verify, std::string& error);

 private:
  std::unique_ptr<TlsClient> clients_[2];
};

// Owned and used by the health checker's thread, which has an epoll watch fd() edge-triggered, in
// and out, from begin() on. Never blocks. The destructor resets the connection, so that neither
// side keeps a TIME_WAIT of it.
class Probe {
 public:
  Probe() = default;
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // Opens the socket and connects. Nothing: it goes on with proceed(). `earlier`: the TLS session
  // of a probe before, or null. `sends_proxy_header`: see HealthTarget. `keep`: the server is not
  // asked to close after its answer. REQUIRES: config.type is not kNone.
  std::optional<CheckVerdict> begin(const RealKey& real, const HealthConfig& config,
                                    bool sends_proxy_header, uint16_t id, const TlsSession& earlier,
                                    bool keep, ProbeTools& tools);
  // Another check on the same connection. REQUIRES: is_clean()
  std::optional<CheckVerdict> begin_again(const RealKey& real, const HealthConfig& config,
                                          uint16_t id, bool keep);
  // After events of the socket, or at any other time.
  std::optional<CheckVerdict> proceed(uint32_t epoll_events);

  // After a good verdict: whether the connection may serve another check, as far as is known.
  bool is_keepable();
  // On events since: takes in the rest of the answer. False: the connection is of no further use.
  bool take_rest();
  // Whether the next question may be asked now: the last answer is complete, and there is no more.
  bool is_clean();
  // The verdict says only that the server had given up the connection before this question came.
  [[nodiscard]] bool is_stale() const { return is_stale_; }
  [[nodiscard]] bool is_out_of_files() const { return is_out_of_files_; }

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool is_connected() const { return is_connected_; }
  // For the next probe of the same check; null: the server gave none.
  TlsSession take_tls_session() { return tls_ != nullptr ? tls_->take_session() : nullptr; }

 private:
  std::optional<CheckVerdict> finish_connecting(uint32_t epoll_events);
  // Before all else, TLS included.
  std::optional<CheckVerdict> send_proxy_header();
  std::optional<CheckVerdict> converse();
  // False: there is a verdict, or more events are needed.
  bool send_some(std::optional<CheckVerdict>& verdict);
  bool receive_some(std::optional<CheckVerdict>& verdict);
  // kFailed: error_ says why.
  TlsStream::Io read(std::span<uint8_t> room, size_t& count);
  CheckVerdict lost(std::string why);

  FileDescriptor socket_;
  std::unique_ptr<TlsStream> tls_;  // after the socket: it goes first
  std::unique_ptr<Exchange> exchange_;
  bool is_datagram_ = false;
  bool is_connected_ = false;
  bool must_send_proxy_header_ = false;
  bool is_again_ = false;  // the connection has served before, and has not yet answered this check
  bool is_stale_ = false;
  bool is_out_of_files_ = false;
  std::string error_;
};

}  // namespace vipgate
