// Having a device deliver packets to the worker that owns their flow: its RSS gets the key, the
// fields and the redirection table (RETA) that FlowOwners computes by. Where a device cannot, what
// it delivers elsewhere is handed over.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/hash.h"
#include "common/result.h"
#include "common/rss_fields.h"
#include "dataplane/fastpath/flow_owners.h"

namespace vipgate {

// What to hash (rte_eth_rss_conf::rss_hf), of what the device can (flow_type_rss_offloads): all of
// IP, TCP, UDP and SCTP, by the fields' address and port alone if it can do that.
uint64_t wanted_rss(uint64_t capabilities, RssFields fields);
// Whether packets hashed so come to their owner.
bool finds_owner(uint64_t rss_hf);

// The key for a device whose keys have so many octets; empty if it takes no key that long.
std::vector<uint8_t> rss_key(const ToeplitzHash::Key& key, uint32_t octets);

// Sees to it that the started device hashes by this key: some take it with their configuration,
// some later only. An error: it has another key afterwards. A device that does not tell is
// believed.
Status hash_by(uint16_t device, std::span<const uint8_t> key, uint64_t rss_hf);

// Whether a redirection table of so many entries can name owners.
bool can_redirect(uint32_t reta_entries);

// The receive queue for each entry of the redirection table of a port (by its position): that of
// the owner, or some queue where that has none.
std::vector<uint16_t> redirection(uint32_t entries, uint32_t port, uint16_t rx_queues,
                                  const FlowOwners& owners);

// Gives it to the started device. An error: the device does not take it, or has another afterwards.
Status redirect(uint16_t device, std::span<const uint16_t> queues);

}  // namespace vipgate
