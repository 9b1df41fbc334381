// A client of the server on plain sockets.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "controlplane/file_descriptor.h"
#include "controlplane/http/http_server.h"
#include "tests/support/address_text.h"

namespace vipgate::test {

class HttpServerFixture : public ::testing::Test {
 protected:
  void start(HttpServerOptions options, HttpRouter router) {
    options.address = ip("127.0.0.1");
    auto server = HttpServer::start(std::move(options), std::move(router));
    ASSERT_TRUE(server.ok()) << server.error();
    server_ = std::move(*server);
  }
  FileDescriptor connect_to() const {
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  static void send_all(const FileDescriptor& socket, std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<size_t>(sent));
    }
  }
  // Until it ends, or `enough` is there.
  static std::string receive(const FileDescriptor& socket, std::string_view enough = {}) {
    std::string all;
    char block[65536];
    pollfd ready{socket.get(), POLLIN, 0};
    while ((enough.empty() || all.find(enough) == std::string::npos) &&
           poll(&ready, 1, 10'000) == 1) {
      const ssize_t length = read(socket.get(), block, sizeof block);
      if (length <= 0) break;
      all.append(block, static_cast<size_t>(length));
    }
    return all;
  }
  std::string ask(const std::string& text) const {
    const FileDescriptor socket = connect_to();
    send_all(socket, text);
    return receive(socket);
  }

  std::unique_ptr<HttpServer> server_;
};

inline std::string get(const std::string& target, const std::string& headers = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers +
         "Connection: close\r\n\r\n";
}

}  // namespace vipgate::test
