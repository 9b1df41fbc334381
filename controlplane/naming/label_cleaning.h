// How names of tasks and frameworks become DNS labels: dcos-net's way for named VIPs (named-vips 2)
// and Mesos-DNS' way for its records (mesos-dns 4). Pure functions: any thread may call.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

#include "common/dns_wire.h"

namespace vipgate {

// Labels joined by dots. A part that cleans to nothing stays as an empty label: see
// dns_name_fault().
std::string clean_vip_name(std::string_view text);
// The same with every dot as a hyphen: one label, as the zone dcos.thisdcos.directory has them.
std::string clean_vip_label(std::string_view text);

// One label: dots become hyphens. RFC 1123: at most 63 octets. RFC 952: 24, no digit in front.
std::string clean_mesos_dns_label(std::string_view text, bool enforce_rfc952);
// A framework's name: each part between dots is a label, those that clean to nothing are dropped.
std::string clean_mesos_dns_domain(std::string_view text, bool enforce_rfc952);

// First five characters of zbase32(SHA-1(task id)): "4dfjd".
std::string task_hash(std::string_view task_id);
// What follows the last hyphen, lower case: "…-S12" → "s12".
std::string agent_tail(std::string_view agent_id);

// Why plain text (no escapes, no final dot) fits no DNS message: an empty label, one over 63
// octets, the whole over 255; nullptr when it fits.
const char* dns_name_fault(std::string_view text);
// Such a text in parts, so that nobody has to join them.
using PlainName = std::initializer_list<std::string_view>;
// Its folded wire form, in `octets`. Nothing: it has a fault.
std::string_view plain_wire_name(PlainName name, std::array<char, kDnsMaxName>& octets);

}  // namespace vipgate
