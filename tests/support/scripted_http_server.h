// A real HTTP/1.1 server on a free port of the loopback, whose answers a test writes byte by byte,
// so that it can be wrong in any way. With TLS by OpenSSL.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace vipgate::test {

struct ScriptedRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

// The server's end of a connection; used by the handler on the connection's thread.
class ScriptedConnection {
 public:
  ScriptedConnection(int fd, ssl_st* ssl) : fd_(fd), ssl_(ssl) {}

  // False: the client has gone.
  bool send(std::string_view bytes);
  // One chunk of a chunked body.
  bool send_chunk(std::string_view bytes);
  // A whole answer. `headers` are lines that end with \r\n.
  bool respond(int status, std::string_view body, std::string_view headers = "");
  // The head of an answer whose body is sent in chunks.
  bool begin_stream();
  // Until the client has closed, or the server ends.
  void wait_for_close();
  // Nothing: the connection ends.
  size_t receive(char* bytes, size_t size);

 private:
  int fd_;
  ssl_st* ssl_;
};

struct ScriptedTls {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;  // not empty: clients have to show a certificate of it
};

// The handler is called on a thread of its connection for its first request; when it returns, the
// connection is closed.
class ScriptedHttpServer {
 public:
  using Handler = std::function<void(const ScriptedRequest&, ScriptedConnection&)>;

  explicit ScriptedHttpServer(Handler handler, const ScriptedTls* tls = nullptr);
  ~ScriptedHttpServer();
  ScriptedHttpServer(const ScriptedHttpServer&) = delete;
  ScriptedHttpServer& operator=(const ScriptedHttpServer&) = delete;

  uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  struct Client {
    int fd;
    std::thread thread;
  };
  void accept_all();
  void serve(int fd);

  Handler handler_;
  ssl_ctx_st* tls_ = nullptr;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::mutex mutex_;
  std::list<Client> clients_;
  std::thread thread_;
};

}  // namespace vipgate::test
