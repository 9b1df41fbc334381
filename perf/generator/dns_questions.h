// The questions that are asked over and over, as they lie on the wire.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace vipgate::generator {

// Name, type and class (RFC 1035 4.1.2).
using DnsQuestion = std::vector<uint8_t>;

// "www.example.com", or with a type: "www.example.com AAAA".
Result<DnsQuestion> parse_dns_question(std::string_view line);
// A line each; empty ones and those that begin with # are passed over. An error names the line.
Result<std::vector<DnsQuestion>> read_dns_questions(const std::string& path);

}  // namespace vipgate::generator
