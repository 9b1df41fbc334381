// What a snapshot means, as text: equal when two of them forward and answer the same.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/dns_table.h"
#include "common/dns_wire.h"
#include "common/maglev.h"
#include "common/snapshot.h"

namespace vipgate {

// "tcp 11.0.0.1:80 -> index", for all VIP ports that a packet would find.
template <class Table>
void list_vip_ports(const Table& table, std::vector<std::pair<std::string, uint32_t>>& ports) {
  table.addresses.for_each([&](const auto& address, const auto& entry) {
    if (entry.kind != AddressKind::kVip) return;
    const auto add = [&](Be16 port, uint8_t protocol, uint32_t service) {
      ports.emplace_back(std::to_string(protocol) + " " + to_string(IpAddress(address)) + ":" +
                             std::to_string(port.host()),
                         service);
    };
    for (size_t i = 0; i < entry.port_count; ++i) {
      add(entry.port[i], entry.protocol[i], entry.service[i]);
    }
    if (!entry.has_more) return;
    table.more.for_each([&](const VipPort& key, uint32_t service) {
      if (key.vip == entry.slot) add(key.port, key.protocol, service);
    });
  });
}

inline std::vector<std::pair<std::string, uint32_t>> vip_ports(const Snapshot& snapshot) {
  std::vector<std::pair<std::string, uint32_t>> ports;
  list_vip_ports(snapshot.v4, ports);
  list_vip_ports(snapshot.v6, ports);
  std::sort(ports.begin(), ports.end());
  return ports;
}

inline uint64_t ring_checksum(const Snapshot& snapshot, const ServiceEntry& service) {
  if (service.row_count == 0) return 0;
  std::vector<MaglevReal> reals;
  for (const RealId id : snapshot.service_info(service.index).ring->reals) {
    const RealEntry* real = snapshot.real(id);
    if (real == nullptr) return 1;
    reals.push_back({maglev_id(real->address, real->port.host()), real->weight});
  }
  return maglev_checksum({service.rows, service.row_count}, reals);
}

inline std::string real_text(const RealEntry& real) {
  return endpoint_to_string(real.address, real.port.host()) + "*" + std::to_string(real.weight) +
         " " + std::string(to_string(real.state)) +
         (real.next_hop_resolved ? " via " + to_string(real.next_hop_mac) : "") + " port " +
         std::to_string(real.out_port);
}

// One line for each VIP port: the service's rows, and its reals. `only`: those of these states.
inline std::vector<std::string> forwarding_lines(const Snapshot& snapshot,
                                                 const std::set<RealState>& only) {
  std::vector<std::string> lines;
  for (const auto& [name, index] : vip_ports(snapshot)) {
    const ServiceEntry& service = snapshot.service(index);
    std::vector<std::string> reals;
    for (const auto& page : snapshot.real_pages) {
      for (const RealEntry& real : page->entries) {
        if (real.service == index && only.contains(real.state)) reals.push_back(real_text(real));
      }
    }
    std::sort(reals.begin(), reals.end());
    std::string line =
        name + " " + snapshot.service_info(index).name + " " + snapshot.service_info(index).fqdn +
        " " + std::string(to_string(service.mode)) + " rows " + std::to_string(service.row_count) +
        " " + std::to_string(ring_checksum(snapshot, service));
    for (const std::string& real : reals) line += ", " + real;
    lines.push_back(line);
  }
  return lines;
}

inline std::vector<std::string> record_lines(const DnsTable& table) {
  std::vector<std::string> lines;
  table.for_each_record([&](const DnsTable::Record& record) {
    lines.push_back(dns_name_to_text(record.name) + " " +
                    std::to_string(static_cast<int>(record.type)) + " " +
                    std::to_string(record.ttl_s) + " " + std::string(record.rdata));
  });
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace vipgate
