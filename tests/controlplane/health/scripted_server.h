// Servers on the loopback interface that do what a test says: what health checks meet.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "controlplane/file_descriptor.h"
#include "controlplane/model/model.h"

namespace vipgate::test {

// A TCP socket on a free port of `address` ("127.0.0.1", "::1") that listens; nobody accepts.
FileDescriptor listen_on(const std::string& address, int backlog = 128);
// A UDP socket.
FileDescriptor bind_datagram(const std::string& address);
RealKey local_endpoint(int socket);

// Accepts connections and has `serve` deal with each, one after the other, on a thread of its own.
// Connections stay open until the end of the server unless `serve` closes them (or resets, or …).
class ScriptedServer {
 public:
  using Serve = std::function<void(int connection)>;
  explicit ScriptedServer(Serve serve, const std::string& address = "127.0.0.1");
  ~ScriptedServer();

  const RealKey& endpoint() const { return endpoint_; }
  int accepted() const { return accepted_; }

 private:
  void run();

  Serve serve_;
  FileDescriptor listener_;
  RealKey endpoint_;
  std::vector<FileDescriptor> connections_;
  std::atomic<int> accepted_{0};
  std::thread thread_;
};

// Answers each datagram by what `answer` makes of it; empty: not at all.
class DatagramServer {
 public:
  using Answer = std::function<std::string(std::string question)>;
  explicit DatagramServer(Answer answer, const std::string& address = "127.0.0.1");
  ~DatagramServer();
  const RealKey& endpoint() const { return endpoint_; }

 private:
  Answer answer_;
  FileDescriptor socket_;
  RealKey endpoint_;
  std::thread thread_;
};

void send_all(int connection, std::string_view bytes);
// Reads until `end` has come.
std::string read_until(int connection, std::string_view end);

// A key and a certificate signed by itself, for `name` and 127.0.0.1, and what serves by them.
class TlsIdentity {
 public:
  explicit TlsIdentity(const std::string& name);
  ~TlsIdentity();
  // The certificate as a file (PEM).
  const std::string& file() const { return file_; }
  struct Client {
    std::string asked_name;   // SNI
    bool is_resumed = false;  // it came with a session of before
  };
  // Handshake, then `requests` times: read a request, send `reply`.
  Client serve(int connection, std::string_view reply, int requests = 1) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
  std::string file_;
};

}  // namespace vipgate::test
