#include "common/kernel_address.h"

#include <net/if.h>
#include <netlink/addr.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>

#include <memory>

namespace vipgate {
namespace {

struct NetlinkFree {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
  void operator()(rtnl_addr* address) const { rtnl_addr_put(address); }
  void operator()(nl_addr* address) const { nl_addr_put(address); }
};

std::unique_ptr<rtnl_addr, NetlinkFree> make_address(const std::string& interface,
                                                     const IpPrefix& prefix) {
  const bool v4 = prefix.address.is_v4();
  const std::unique_ptr<nl_addr, NetlinkFree> local(nl_addr_build(
      v4 ? AF_INET : AF_INET6, prefix.address.bytes().data(), static_cast<size_t>(v4 ? 4 : 16)));
  nl_addr_set_prefixlen(local.get(), prefix.length);
  std::unique_ptr<rtnl_addr, NetlinkFree> address(rtnl_addr_alloc());
  rtnl_addr_set_ifindex(address.get(), static_cast<int>(if_nametoindex(interface.c_str())));
  rtnl_addr_set_local(address.get(), local.get());
  if (!v4) rtnl_addr_set_flags(address.get(), IFA_F_NODAD);
  return address;
}

// `change` asks the kernel by the socket and returns libnl's code.
template <class Change>
Status ask_kernel(const std::string& interface, const IpPrefix& prefix, const char* what,
                  Change change) {
  const std::unique_ptr<nl_sock, NetlinkFree> socket(nl_socket_alloc());
  if (const int code = nl_connect(socket.get(), NETLINK_ROUTE); code != 0) {
    return Error{std::string("cannot open netlink: ") + nl_geterror(code)};
  }
  const auto address = make_address(interface, prefix);
  if (const int code = change(socket.get(), address.get()); code != 0) {
    return Error{"interface " + interface + ": cannot " + what + " address " + to_string(prefix) +
                 ": " + nl_geterror(code)};
  }
  return Done{};
}

}  // namespace

Status add_kernel_address(const std::string& interface, const IpPrefix& prefix,
                          KernelAddressUse use) {
  return ask_kernel(interface, prefix, "add", [&](nl_sock* socket, rtnl_addr* address) {
    // Deprecated from the start: IPv6 would else prefer it for its longer prefix.
    if (use == KernelAddressUse::kListen && !prefix.address.is_v4()) {
      rtnl_addr_set_valid_lifetime(address, UINT32_MAX);
      rtnl_addr_set_preferred_lifetime(address, 0);
    }
    return rtnl_addr_add(socket, address, NLM_F_CREATE | NLM_F_EXCL);
  });
}

Status remove_kernel_address(const std::string& interface, const IpPrefix& prefix) {
  return ask_kernel(interface, prefix, "remove", [](nl_sock* socket, rtnl_addr* address) {
    const int code = rtnl_addr_delete(socket, address, 0);
    const bool is_gone = code == -NLE_NOADDR || code == -NLE_NODEV || code == -NLE_OBJ_NOTFOUND;
    return is_gone ? 0 : code;
  });
}

}  // namespace vipgate
