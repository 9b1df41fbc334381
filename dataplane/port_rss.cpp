#include "dataplane/port_rss.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "dataplane/worker_wiring.h"

namespace vipgate {
namespace {

constexpr uint64_t kRssHashTypes =
    RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP;
constexpr uint64_t kBySource = RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY;
constexpr uint64_t kByDestination = RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY;

// DPDK passes redirection tables in groups, each with a mask of those of its entries that count.
using RetaGroups = std::vector<rte_eth_rss_reta_entry64>;

RetaGroups groups_for(size_t entries) {
  RetaGroups groups((entries + RTE_ETH_RETA_GROUP_SIZE - 1) / RTE_ETH_RETA_GROUP_SIZE);
  for (size_t i = 0; i < entries; ++i) {
    groups[i / RTE_ETH_RETA_GROUP_SIZE].mask |= uint64_t{1} << (i % RTE_ETH_RETA_GROUP_SIZE);
  }
  return groups;
}

uint16_t& entry(RetaGroups& groups, size_t i) {
  return groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
}

Error failed_call(const char* call, int code) {
  return Error{std::string(call) + ": " + std::strerror(-code)};
}

}  // namespace

uint64_t wanted_rss(uint64_t capabilities, RssFields fields) {
  const uint64_t types = capabilities & kRssHashTypes;
  const uint64_t only = fields == RssFields::kSource ? kBySource : kByDestination;
  return types != 0 && (capabilities & only) == only ? types | only : types;
}

bool finds_owner(uint64_t rss_hf) {
  return (rss_hf & (kBySource | kByDestination)) == kBySource ||
         (rss_hf & (kBySource | kByDestination)) == kByDestination;
}

std::vector<uint8_t> rss_key(const ToeplitzHash::Key& key, uint32_t octets) {
  if (octets == 0) octets = ToeplitzHash::kKeyLength;
  if (octets < ToeplitzHash::kKeyLength) return {};
  // What is longer serves fields that ours do not have.
  std::vector<uint8_t> long_key(octets);
  for (size_t i = 0; i < octets; ++i) long_key[i] = key[i % key.size()];
  return long_key;
}

Status hash_by(uint16_t device, std::span<const uint8_t> key, uint64_t rss_hf) {
  std::vector<uint8_t> wanted(key.begin(), key.end());
  const auto length = static_cast<uint8_t>(key.size());
  // 0: it has the key; 1: another one; negative: it does not tell.
  const auto look = [&] {
    std::vector<uint8_t> now(key.size());
    rte_eth_rss_conf conf{.rss_key = now.data(), .rss_key_len = length, .rss_hf = 0};
    const int code = rte_eth_dev_rss_hash_conf_get(device, &conf);
    return code != 0 ? code : now != wanted;
  };
  if (look() <= 0) return Done{};
  rte_eth_rss_conf conf{.rss_key = wanted.data(), .rss_key_len = length, .rss_hf = rss_hf};
  if (const int code = rte_eth_dev_rss_hash_update(device, &conf); code != 0) {
    return failed_call("setting the key of RSS", code);
  }
  if (look() > 0) return Error{"the key of RSS is another one than was set"};
  return Done{};
}

bool can_redirect(uint32_t reta_entries) {
  return std::has_single_bit(reta_entries) && reta_entries >= kMaxWorkers;
}

std::vector<uint16_t> redirection(uint32_t entries, uint32_t port, uint16_t rx_queues,
                                  const FlowOwners& owners) {
  std::vector<uint16_t> queues(entries);
  for (uint32_t i = 0; i < entries; ++i) {
    const uint32_t queue = queue_of(port, owners.of_bucket(i), owners.workers());
    queues[i] = static_cast<uint16_t>(queue % rx_queues);
  }
  return queues;
}

Status redirect(uint16_t device, std::span<const uint16_t> queues) {
  const auto size = static_cast<uint16_t>(queues.size());
  RetaGroups table = groups_for(size);
  for (uint16_t i = 0; i < size; ++i) entry(table, i) = queues[i];
  if (const int code = rte_eth_dev_rss_reta_update(device, table.data(), size); code != 0) {
    return failed_call("setting the redirection table of RSS", code);
  }
  RetaGroups now = groups_for(size);
  if (const int code = rte_eth_dev_rss_reta_query(device, now.data(), size); code != 0) {
    return failed_call("reading the redirection table of RSS", code);
  }
  for (uint16_t i = 0; i < size; ++i) {
    if (entry(now, i) != queues[i]) {
      return Error{"entry " + std::to_string(i) + " of the redirection table of RSS is queue " +
                   std::to_string(entry(now, i)) + " instead of " + std::to_string(queues[i])};
    }
  }
  return Done{};
}

}  // namespace vipgate
