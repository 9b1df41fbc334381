#include "controlplane/dns/dns_static_record.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "common/addresses.h"
#include "common/dns_table.h"

namespace vipgate {
namespace {

constexpr size_t kMaxString = 255;  // RFC 1035 3.3

Result<std::string> owner_of(const std::string& name, std::string_view zone) {
  std::string text = name;
  if (name == "@") {
    text = zone;
  } else if (!name.ends_with('.')) {
    text = name + "." + std::string(zone);
  }
  auto wire = dns_name_from_text(text);
  if (!wire) return Error{"name: " + wire.error()};
  std::string folded = dns_fold(*wire);
  auto apex = dns_name_from_text(zone);
  if (!apex) return Error{"name: " + apex.error()};
  if (!dns_is_within(folded, dns_fold(*apex))) {
    return Error{"name: '" + name + "' does not lie in the zone '" + std::string(zone) +
                 "': leave out the final dot, or move the record to its zone"};
  }
  return folded;
}

Result<std::string> address_data(const std::string& data, bool is_v4) {
  auto address = parse_ip_address(data);
  if (!address || address->is_v4() != is_v4) {
    return Error{"data: '" + data + "' is not an " + (is_v4 ? "IPv4" : "IPv6") +
                 " address; write one, as the type " + (is_v4 ? "A" : "AAAA") + " needs"};
  }
  return std::string(reinterpret_cast<const char*>(address->bytes().data()),
                     static_cast<size_t>(address->bits()) / 8);
}

Result<std::string> name_data(std::string_view data) {
  auto wire = dns_name_from_text(data);
  if (!wire) return Error{"data: " + wire.error()};
  return dns_fold(*wire);
}

std::optional<uint16_t> number_of(std::string_view text) {
  uint16_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

Result<std::string> srv_data(const std::string& data) {
  std::vector<std::string_view> fields;
  std::string_view rest = data;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(' '), rest.size());
    if (end != 0) fields.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const Error wrong{"data: '" + data +
                    "' is not 'PRIORITY WEIGHT PORT TARGET', as in '0 1 6379 redis.mesos.'"};
  if (fields.size() != 4) return wrong;
  DnsWriter rdata;
  for (size_t i = 0; i < 3; ++i) {
    const auto number = number_of(fields[i]);
    if (!number) return wrong;
    rdata.u16(*number);
  }
  auto target = name_data(fields[3]);
  if (!target) return target;
  rdata.bytes(*target);
  return rdata.octets();
}

void append_string(std::string& rdata, std::string_view text) {
  do {
    const std::string_view part = text.substr(0, kMaxString);
    rdata += static_cast<char>(part.size());
    rdata += part;
    text.remove_prefix(part.size());
  } while (!text.empty());
}

Result<std::string> txt_data(const std::string& data) {
  std::string rdata;
  if (!data.starts_with('"')) {
    append_string(rdata, data);
    return rdata;
  }
  for (size_t at = 0; at < data.size();) {
    if (data[at] == ' ') {
      ++at;
      continue;
    }
    std::string text;
    bool is_closed = false;
    if (data[at] != '"') return Error{"data: '" + data + "' has text outside the quotes"};
    for (++at; at < data.size() && !is_closed; ++at) {
      if (data[at] == '"') {
        is_closed = true;
      } else {
        if (data[at] == '\\' && at + 1 < data.size()) ++at;
        text += data[at];
      }
    }
    if (!is_closed) return Error{"data: '" + data + "' lacks the closing quote"};
    if (text.size() > kMaxString) return Error{"data: a string in quotes has at most 255 octets"};
    append_string(rdata, text);
  }
  return rdata;
}

}  // namespace

Result<DnsRecord> dns_static_record(const DnsRecordConfig& config, std::string_view zone,
                                    uint32_t default_ttl_s) {
  DnsRecord record;
  auto owner = owner_of(config.name, zone);
  if (!owner) return Error{owner.error()};
  record.owner = std::move(*owner);
  record.ttl_s = config.ttl_s < 0 ? default_ttl_s : static_cast<uint32_t>(config.ttl_s);
  Result<std::string> rdata = std::string();
  if (config.type == "A" || config.type == "AAAA") {
    record.type = config.type == "A" ? DnsType::kA : DnsType::kAaaa;
    rdata = address_data(config.data, config.type == "A");
  } else if (config.type == "CNAME" || config.type == "PTR") {
    record.type = config.type == "PTR" ? DnsType::kPtr : DnsType::kCname;
    rdata = name_data(config.data);
  } else if (config.type == "SRV") {
    record.type = DnsType::kSrv;
    rdata = srv_data(config.data);
  } else if (config.type == "TXT") {
    record.type = DnsType::kTxt;
    rdata = txt_data(config.data);
  } else {
    return Error{"type: '" + config.type + "' is none of A, AAAA, CNAME, TXT, SRV, PTR"};
  }
  if (!rdata) return Error{rdata.error()};
  record.rdata = std::move(*rdata);
  return record;
}

}  // namespace vipgate
