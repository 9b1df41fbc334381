// Packet I/O of the worker in production: DPDK's ethdev. Tests give the worker another.
#pragma once

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cstdint>

namespace vipgate {

// Takes `n` packets from the pool, or none; whether there were as many. To be called between two
// bursts (packet_pool.cpp).
bool allocate_packets(rte_mempool* pool, rte_mbuf** packets, uint32_t n);

struct EthdevIo {
  // Up to `n` packets of the queue; returns how many.
  static uint16_t rx(uint16_t port, uint16_t queue, rte_mbuf** packets, uint16_t n) {
    return rte_eth_rx_burst(port, queue, packets, n);
  }
  // Takes the first packets of the array; returns how many. The rest stay the caller's.
  static uint16_t tx(uint16_t port, uint16_t queue, rte_mbuf** packets, uint16_t n) {
    return rte_eth_tx_burst(port, queue, packets, n);
  }
  // All of them or none; whether there were as many.
  static bool allocate(rte_mempool* pool, rte_mbuf** packets, uint32_t n) {
    return allocate_packets(pool, packets, n);
  }
  static void free_bulk(rte_mbuf** packets, uint32_t n) { rte_pktmbuf_free_bulk(packets, n); }
};

}  // namespace vipgate
