// The sockets of one kind on which a server listens, a socket for each endpoint.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/address_and_port.h"
#include "common/addresses.h"

namespace vipgate {

// Socket: boost::asio::ip::udp::socket or ip::tcp::acceptor.
template <class Socket>
class SocketSet {
 public:
  using Held = std::shared_ptr<Socket>;

  // Keeps those of the endpoints that it has, closes all others, and adds what is new by
  // `open(Socket&, endpoint)`, which returns an error code, and `begin(Held)`. Returns a sentence
  // for each that cannot be had, which begins with `protocol`.
  template <class Open, class Begin>
  std::vector<std::string> follow(const std::vector<AddressAndPort>& endpoints,
                                  std::string_view protocol, boost::asio::io_context& context,
                                  const Open& open, const Begin& begin) {
    std::vector<std::string> faults;
    std::map<AddressAndPort, Held> kept;
    for (const AddressAndPort& endpoint : endpoints) {
      if (const auto known = sockets_.find(endpoint); known != sockets_.end()) {
        kept.insert(sockets_.extract(known));
        continue;
      }
      auto socket = std::make_shared<Socket>(context);
      if (const boost::system::error_code code = open(*socket, endpoint)) {
        std::string& fault = faults.emplace_back(protocol);
        fault += " cannot listen on ";
        fault += endpoint_to_string(endpoint.address, endpoint.port);
        fault += ": ";
        fault += code.message();
        continue;
      }
      begin(socket);
      kept.emplace(endpoint, std::move(socket));
    }
    for (auto& [endpoint, socket] : sockets_) socket->close();
    sockets_ = std::move(kept);
    return faults;
  }

  std::vector<uint16_t> ports() const {
    std::vector<uint16_t> ports;
    for (const auto& [endpoint, socket] : sockets_) {
      boost::system::error_code ignored;
      ports.push_back(socket->local_endpoint(ignored).port());
    }
    return ports;
  }

 private:
  std::map<AddressAndPort, Held> sockets_;
};

}  // namespace vipgate
