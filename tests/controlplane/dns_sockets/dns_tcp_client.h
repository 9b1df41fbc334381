// A client of DNS over TCP, on the kernel's sockets.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <string>

#include "common/addresses.h"
#include "controlplane/file_descriptor.h"

namespace vipgate {

class DnsTcpClient {
 public:
  DnsTcpClient(const IpAddress& address, uint16_t port)
      : socket_(::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    constexpr timeval kPatience{.tv_sec = 20, .tv_usec = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    sockaddr_storage where{};
    socklen_t length = 0;
    if (address.is_v4()) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(where);
      v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
      std::memcpy(&v4.sin_addr, address.bytes().data(), 4);
      length = sizeof v4;
    } else {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(where);
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(port);
      std::memcpy(&v6.sin6_addr, address.bytes().data(), 16);
      length = sizeof v6;
    }
    is_connected_ = connect(socket_.get(), reinterpret_cast<sockaddr*>(&where), length) == 0;
  }

  bool is_connected() const { return is_connected_; }
  void ask(const std::string& message) {
    std::string octets = {static_cast<char>(message.size() >> 8),
                          static_cast<char>(message.size())};
    octets += message;
    ASSERT_EQ(send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(octets.size()));
  }
  void end() { shutdown(socket_.get(), SHUT_WR); }
  // The next reply; none when the server has closed.
  std::optional<std::string> reply() {
    uint8_t length[2];
    if (!receive(length, 2)) return std::nullopt;
    std::string message(size_t{length[0]} << 8 | length[1], '\0');
    if (!receive(message.data(), message.size())) return std::nullopt;
    return message;
  }

 private:
  bool receive(void* to, size_t octets) {
    return octets == 0 ||
           recv(socket_.get(), to, octets, MSG_WAITALL) == static_cast<ssize_t>(octets);
  }
  FileDescriptor socket_;
  bool is_connected_ = false;
};

}  // namespace vipgate
