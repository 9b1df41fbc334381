// The records of a query: whatever follows the question and is not one plain OPT record.
#pragma once

#include <cstdint>

namespace vipgate {

// What a query's OPT record says (RFC 6891 6.1.3).
struct DnsEdns {
  enum class Fault : uint8_t {
    kNone,
    kRecords,  // records that are broken, missing or forbidden: nothing of EDNS may be trusted
    kOptions,  // the OPT record was found, but its options are malformed
  };

  Fault fault = Fault::kNone;
  bool has_opt = false;
  uint8_t version = 0;
  bool is_dnssec_ok = false;
  uint16_t requestor_size = 0;
  bool has_options = false;  // of those that follow, one at least
  bool wants_nsid = false;
  bool wants_keepalive = false;
  const uint8_t* cookie = nullptr;  // the data of the first COOKIE (RFC 7873 5.2), in the message
  uint16_t cookie_length = 0;
  uint16_t tsig = 0;  // offset of the TSIG record; 0: none. It is the last record.
};

// Reads the records from offset `at` on: `authorities`, among which no OPT may be, then
// `additionals`. Records other than OPT and TSIG are ignored, wherever they stand (RFC 6891 6.1.1);
// octets behind the last one too. Reads nothing beyond `length`.
DnsEdns dns_parse_records(const uint8_t* message, uint32_t length, uint32_t at,
                          uint32_t authorities, uint32_t additionals);

// Reads the options of an OPT record, which are `length` octets, into `edns`. False: they are
// malformed (RFC 6891 6.1.2).
bool dns_read_options(const uint8_t* options, uint32_t length, DnsEdns& edns);

}  // namespace vipgate
