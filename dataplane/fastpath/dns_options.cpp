#include "dataplane/fastpath/dns_options.h"

#include <algorithm>
#include <cstring>

#include "common/dns_wire.h"

namespace vipgate {
namespace {

constexpr uint32_t kKeepaliveLength = 2;      // RFC 7828 3.1
constexpr uint32_t kExtendedErrorLength = 2;  // RFC 8914 2, without a text

// RFC 7873 5.2.2.
bool is_legal_cookie(uint32_t length) {
  constexpr uint32_t kShortest = 16, kLongest = 40;  // with a server cookie
  return length == kDnsClientCookie || (length >= kShortest && length <= kLongest);
}

uint8_t* write_head(uint8_t* to, DnsOptionCode code, size_t length) {
  const Be16 head[2] = {Be16(static_cast<uint16_t>(code)), Be16(static_cast<uint16_t>(length))};
  std::memcpy(to, head, sizeof head);
  return to + sizeof head;
}

uint8_t* write_option(uint8_t* to, DnsOptionCode code, const void* data, size_t length) {
  to = write_head(to, code, length);
  std::memcpy(to, data, length);
  return to + length;
}

uint8_t* write_number(uint8_t* to, DnsOptionCode code, uint16_t number) {
  const Be16 data(number);
  return write_option(to, code, &data, sizeof data);
}

}  // namespace

void dns_renew_cookie(const DnsContext& context, DnsParsed& parsed) {
  dns_make_cookie(context.policy.cookie_secrets.front(),
                  {parsed.query.client, parsed.query.client_length}, dns_unix_s(context),
                  parsed.cookie);
}

void dns_take_options(const DnsContext& context, const DnsEdns& edns, DnsParsed& parsed) {
  const DnsPolicy& policy = context.policy;
  uint32_t length = kDnsOptLength;
  uint8_t options = 0;
  if (edns.cookie != nullptr && !policy.cookie_secrets.empty()) {
    if (!is_legal_cookie(edns.cookie_length)) {
      parsed.verdict = DnsVerdict::kFormerr;
      return;
    }
    // Without an address there is nobody that the cookie could be for.
    if (parsed.query.client_length != 0) {
      if (edns.cookie_length == kDnsWholeCookie) {
        dns_take_whole_cookie(context, edns.cookie, parsed);
      } else {
        std::memcpy(parsed.cookie.data(), edns.cookie, kDnsClientCookie);
        dns_renew_cookie(context, parsed);
      }
      options |= kDnsCookieOption;
      length += kDnsOptionHead + kDnsWholeCookie;
    }
  }
  if (edns.wants_nsid && !policy.nsid.empty()) {
    options |= kDnsNsidOption;
    length += kDnsOptionHead + static_cast<uint32_t>(policy.nsid.size());
  }
  if (edns.wants_keepalive && parsed.query.is_stream) {
    options |= kDnsKeepaliveOption;
    length += kDnsOptionHead + kKeepaliveLength;
  }
  // The shortest reply must fit, or else goes without them.
  if (parsed.question_end + length > parsed.query.capacity) return;
  parsed.options = options;
  parsed.opt_length = static_cast<uint16_t>(length);
  parsed.policy = &policy;
}

void dns_set_amplification_bound(const DnsPolicy& policy, DnsParsed& parsed) {
  if (parsed.query.is_stream || parsed.has_good_cookie) return;
  const uint32_t most = uint32_t{policy.max_amplification} * parsed.query.length;
  if (most >= parsed.limit) return;
  parsed.limit = static_cast<uint16_t>(most);
  parsed.is_bounded = true;
  const bool is_too_long = uint32_t{parsed.question_end} + parsed.opt_length > most;
  if (is_too_long && (parsed.options & kDnsNsidOption) != 0) {
    parsed.options = static_cast<uint8_t>(parsed.options & ~kDnsNsidOption);
    parsed.opt_length = static_cast<uint16_t>(parsed.opt_length - 4 - policy.nsid.size());
  }
}

uint32_t dns_append_options(const DnsParsed& parsed, DnsExtendedError error, uint32_t at) {
  uint8_t* const begin = parsed.query.message + at;
  uint8_t* to = begin;
  if ((parsed.options & kDnsCookieOption) != 0) {
    to = write_option(to, DnsOptionCode::kCookie, parsed.cookie.data(), parsed.cookie.size());
  }
  if ((parsed.options & kDnsNsidOption) != 0) {
    const std::string& nsid = parsed.policy->nsid;
    to = write_option(to, DnsOptionCode::kNsid, nsid.data(), nsid.size());
  }
  if ((parsed.options & kDnsKeepaliveOption) != 0) {
    to = write_number(to, DnsOptionCode::kTcpKeepalive, parsed.policy->tcp_idle_100ms);
  }
  // It goes where there is room for it: what was counted in before does without it.
  const uint8_t* const end = parsed.query.message + std::min(parsed.limit, parsed.query.capacity);
  if (error != DnsExtendedError::kNone && end - to >= kDnsOptionHead + kExtendedErrorLength) {
    to = write_number(to, DnsOptionCode::kExtendedError, static_cast<uint16_t>(error));
  }
  const auto length = static_cast<uint16_t>(to - begin);
  const Be16 data_length(length);
  std::memcpy(begin - sizeof data_length, &data_length, sizeof data_length);
  return length;
}

}  // namespace vipgate
