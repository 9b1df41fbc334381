#include "controlplane/rest/dns_reports.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "common/json_text.h"
#include "controlplane/rest/dns_text.h"

namespace vipgate {
namespace {

constexpr size_t kDnsAnswerRoom = UINT16_MAX;

std::string record_member(const DnsRecordText& record) {
  return "{\"name\":" + json_quote(record.name) + ",\"type\":" + json_quote(record.type) +
         ",\"ttl_s\":" + std::to_string(record.ttl_s) + ",\"data\":" + json_quote(record.data) +
         "}";
}

template <class Items, class Text>
std::string array_text(const Items& items, const Text& text_of) {
  std::string text = "[";
  for (const auto& item : items) text += (text.size() == 1 ? "" : ",") + text_of(item);
  return text + "]";
}

// What refers to the table, for as long as the best ones are sought.
struct FoundRecord {
  std::string_view name;
  DnsType type;
  uint32_t ttl_s;
  std::string_view data;

  friend bool operator<(const FoundRecord& a, const FoundRecord& b) {
    return std::tie(a.name, a.type, a.data) < std::tie(b.name, b.type, b.data);
  }
};

std::vector<uint8_t> question_for(const std::string& name, DnsType type) {
  DnsWriter writer;
  writer.u16(0);
  writer.u16(DnsHeader::kRecursionDesired);
  for (const bool has_one : {true, false, false, false}) writer.u16(has_one ? 1 : 0);
  writer.bytes(name);
  writer.u16(static_cast<uint16_t>(type));
  writer.u16(static_cast<uint16_t>(DnsClass::kIn));
  return {writer.octets().begin(), writer.octets().end()};
}

}  // namespace

std::string dns_zone_problem(const DnsTable& table, const std::string& zone) {
  const std::string what = "zone: '" + dns_name_to_text(zone) + "'";
  std::string served;
  for (const DnsZone& known : table.zones()) {  // the longest first
    if (dns_is_within(known.name, zone)) return {};
    if (dns_is_within(zone, known.name)) {
      if (known.alias_of == nullptr) return {};
      return what + " is in an alias of '" + dns_name_to_text(known.alias_of->name) +
             "', whose records are listed";
    }
    if (known.alias_of == nullptr) {
      served += (served.empty() ? "" : ", ") + dns_name_to_text(known.name);
    }
  }
  return what + " is not served; " +
         (served.empty() ? std::string("no zone is") : "those that are: " + served);
}

std::string dns_records_text(const DnsTable& table, const DnsRecordFilter& filter) {
  size_t total = 0;
  std::vector<FoundRecord> first;  // a heap, the last of them on top
  table.for_each_record([&](const DnsTable::Record& record) {
    if (!filter.name.empty() && record.name != filter.name) return;
    if (!filter.zone.empty() && !dns_is_within(record.name, filter.zone)) return;
    ++total;
    const FoundRecord found{record.name, record.type, record.ttl_s, record.rdata};
    if (first.size() == filter.limit) {
      if (first.empty() || !(found < first.front())) return;
      std::pop_heap(first.begin(), first.end());
      first.back() = found;
    } else {
      first.push_back(found);
    }
    std::push_heap(first.begin(), first.end());
  });
  std::sort_heap(first.begin(), first.end());
  std::string text = "{\"total\":" + std::to_string(total) + ",\"records\":[";
  const char* before = "\n";
  for (const FoundRecord& record : first) {
    text += std::exchange(before, ",\n") +
            record_member({dns_name_to_text(record.name), dns_type_text(record.type), record.ttl_s,
                           dns_data_text(record.type, record.data)});
  }
  return text + "\n]}\n";
}

Result<std::string> dns_query_text(const AnswerDns& answer, const std::string& name, DnsType type,
                                   const IpAddress& client) {
  std::vector<uint8_t> message = question_for(name, type);
  const size_t length = message.size();
  message.resize(kDnsAnswerRoom);
  const DnsStreamAnswer outcome = answer(message, length, client);
  std::string text = "{\"name\":" + json_quote(dns_name_to_text(name)) +
                     ",\"type\":" + json_quote(dns_type_text(type)) +
                     ",\"client\":" + json_quote(to_string(client));
  if (outcome.is_for_others) return text + ",\"forwarded\":true}\n";
  message.resize(outcome.length);
  const auto read = dns_read_message(message);
  if (!read) return Error{"the responder has no answer to that: there are no tables yet"};
  text += ",\"forwarded\":false,\"rcode\":" + json_quote(read->rcode) + ",\"flags\":" +
          array_text(read->flags, [](const std::string& flag) { return json_quote(flag); }) +
          ",\"answer\":" + array_text(read->answer, record_member) +
          ",\"authority\":" + array_text(read->authority, record_member) +
          ",\"additional\":" + array_text(read->additional, record_member) + ",\"message\":\"";
  return text + dns_hex_text(message) + "\"}\n";
}

}  // namespace vipgate
