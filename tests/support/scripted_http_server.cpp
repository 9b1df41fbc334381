#include "tests/support/scripted_http_server.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>

namespace vipgate::test {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// False: the client has gone before its request was whole.
bool read_request(ScriptedConnection& connection, ScriptedRequest& request) {
  std::string text;
  size_t head = std::string::npos;
  char block[4096];
  while ((head = text.find("\r\n\r\n")) == std::string::npos) {
    const size_t count = connection.receive(block, sizeof block);
    if (count == 0) return false;
    text.append(block, count);
  }
  size_t line = text.find("\r\n");
  const std::string first = text.substr(0, line);
  request.method = first.substr(0, first.find(' '));
  request.target = first.substr(first.find(' ') + 1, first.rfind(' ') - first.find(' ') - 1);
  while (line < head) {
    const size_t next = text.find("\r\n", line + 2);
    const std::string header = text.substr(line + 2, next - line - 2);
    const size_t colon = header.find(": ");
    if (colon != std::string::npos) {
      request.headers[lower(header.substr(0, colon))] = header.substr(colon + 2);
    }
    line = next;
  }
  request.body = text.substr(head + 4);
  const std::string length = request.header("content-length");
  const size_t expected = length.empty() ? 0 : std::stoul(length);
  while (request.body.size() < expected) {
    const size_t count = connection.receive(block, sizeof block);
    if (count == 0) return false;
    request.body.append(block, count);
  }
  return true;
}

}  // namespace

size_t ScriptedConnection::receive(char* bytes, size_t size) {
  const ssize_t count =
      ssl_ != nullptr ? SSL_read(ssl_, bytes, static_cast<int>(size)) : ::recv(fd_, bytes, size, 0);
  return count > 0 ? static_cast<size_t>(count) : 0;
}

bool ScriptedConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ssl_ != nullptr
                              ? SSL_write(ssl_, bytes.data(),
                                          static_cast<int>(std::min<size_t>(bytes.size(), 1 << 20)))
                              : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

bool ScriptedConnection::send_chunk(std::string_view bytes) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return send(size) && send(bytes) && send("\r\n");
}

bool ScriptedConnection::respond(int status, std::string_view body, std::string_view headers) {
  return send("HTTP/1.1 " + std::to_string(status) +
              " Status\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
              std::string(headers) + "\r\n" + std::string(body));
}

bool ScriptedConnection::begin_stream() {
  return send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

void ScriptedConnection::wait_for_close() {
  char block[256];
  while (receive(block, sizeof block) > 0) {
  }
}

ScriptedHttpServer::ScriptedHttpServer(Handler handler, const ScriptedTls* tls)
    : handler_(std::move(handler)) {
  if (tls != nullptr) {
    tls_ = SSL_CTX_new(TLS_server_method());
    EXPECT_EQ(SSL_CTX_use_certificate_chain_file(tls_, tls->cert_file.c_str()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(tls_, tls->key_file.c_str(), SSL_FILETYPE_PEM), 1);
    if (!tls->client_ca_file.empty()) {
      EXPECT_EQ(SSL_CTX_load_verify_file(tls_, tls->client_ca_file.c_str()), 1);
      SSL_CTX_set_verify(tls_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(::listen(listener_, 64), 0);
  EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { accept_all(); });
}

ScriptedHttpServer::~ScriptedHttpServer() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const Client& client : clients_) ::shutdown(client.fd, SHUT_RDWR);
  }
  for (Client& client : clients_) {
    client.thread.join();
    ::close(client.fd);
  }
  ::close(listener_);
  SSL_CTX_free(tls_);
}

void ScriptedHttpServer::accept_all() {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    clients_.push_back(Client{fd, std::thread([this, fd] { serve(fd); })});
  }
}

// The descriptor is closed with the server, so that its number is not another's meanwhile.
void ScriptedHttpServer::serve(int fd) {
  // OpenSSL writes without MSG_NOSIGNAL, to clients that may have gone.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  SSL* ssl = nullptr;
  bool is_open = true;
  if (tls_ != nullptr) {
    ssl = SSL_new(tls_);
    SSL_set_fd(ssl, fd);
    is_open = SSL_accept(ssl) == 1;
  }
  ScriptedConnection connection(fd, ssl);
  ScriptedRequest request;
  if (is_open && read_request(connection, request)) handler_(request, connection);
  if (ssl != nullptr) {
    if (is_open) SSL_shutdown(ssl);
    SSL_free(ssl);
  }
  ::shutdown(fd, SHUT_RDWR);
}

}  // namespace vipgate::test
