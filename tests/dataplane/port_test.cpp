#include "dataplane/port.h"

#include <gmock/gmock.h>
#include <net/if.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "dataplane/fastpath/ethdev_io.h"
#include "dataplane/packet_pool.h"
#include "dataplane/worker_wiring.h"
#include "tests/support/network_namespace.h"
#include "tests/support/owners.h"

namespace vipgate::test::port_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint32_t kPcapMagic = 0xa1b2c3d4;

struct PcapFileHeader {
  uint32_t magic = kPcapMagic;
  uint16_t major = 2;
  uint16_t minor = 4;
  uint32_t zone = 0;
  uint32_t accuracy = 0;
  uint32_t snap_length = 65535;
  uint32_t link_type = 1;
};

struct PcapPacketHeader {
  uint32_t seconds = 0;
  uint32_t microseconds = 0;
  uint32_t captured = 0;
  uint32_t length = 0;
};

TEST(PortOffloads, OnlyHardwareIsAskedForUdpChecksums) {
  constexpr uint64_t kAll = ~uint64_t{0};
  EXPECT_EQ(wanted_rx_offloads("0000:3b:00.0", "net_ice", kAll), RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
  EXPECT_EQ(wanted_rx_offloads("3b:00.0", "net_ice", 0), 0u) << "what it does not have";
  EXPECT_EQ(wanted_rx_offloads("0000:00:03.0", "net_virtio", kAll), 0u);
  EXPECT_EQ(wanted_rx_offloads("net_tap0,iface=vg0", "net_tap", kAll), 0u);
}

TEST(PacketPool, LongestFramesOfAPortFitOrTheWarningSaysHow) {
  EXPECT_EQ(short_buffers_warning("edge", 1500, 2048), "");
  EXPECT_EQ(short_buffers_warning("edge", 9000, 9026), "");
  EXPECT_EQ(short_buffers_warning("edge", 9000, 2048),
            "port edge: frames of more than 2048 bytes do not fit into one buffer and are dropped; "
            "for its MTU of 9000, set dpdk.mbuf_bytes to auto, or to 9026 at least");
}

class PortTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto pool = make_packet_pool("port_test", 4095, 2048, SOCKET_ID_ANY);
    ASSERT_TRUE(pool.ok()) << pool.error();
    pool_ = *pool;
    directory_ =
        std::filesystem::path(::testing::TempDir()) / ("port-test-" + std::to_string(getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override {
    rte_mempool_free(pool_);
    std::filesystem::remove_all(directory_);
  }

  PortOptions options(const std::string& device) const {
    PortOptions options;
    options.index = 1;
    options.name = "edge";
    options.device = device;
    options.pool = pool_;
    return options;
  }

  rte_mbuf* packet(const std::string& text) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
    char* data = rte_pktmbuf_append(mbuf, static_cast<uint16_t>(text.size()));
    std::copy(text.begin(), text.end(), data);
    return mbuf;
  }

  static std::string text_of(rte_mbuf* mbuf) {
    return {rte_pktmbuf_mtod(mbuf, char*), mbuf->data_len};
  }

  rte_mempool* pool_ = nullptr;
  std::filesystem::path directory_;
};

TEST_F(PortTest, RingPortIsPluggedMovesPacketsAndIsUnpluggedAgain) {
  const uint16_t ports_before = rte_eth_dev_count_avail();
  {
    auto port = Port::open(options("net_ring0"));
    ASSERT_TRUE(port.ok()) << port.error();
    EXPECT_EQ((*port)->facts().driver, "net_ring");
    EXPECT_NE((*port)->summary().find("(net_ring), MAC "), std::string::npos);
    EXPECT_EQ(to_string((*port)->mac()), "02:76:67:00:00:01") << "the device has none of its own";
    EXPECT_THAT((*port)->warnings(), IsEmpty());
    ASSERT_TRUE((*port)->start(owners_of_flows(1)).ok());
    EXPECT_TRUE((*port)->link().up);

    rte_mbuf* sent = packet("a frame that comes back on the same ring");
    ASSERT_EQ(EthdevIo::tx((*port)->id(), 0, &sent, 1), 1);
    rte_mbuf* received[2] = {};
    ASSERT_EQ(EthdevIo::rx((*port)->id(), 0, received, 2), 1);
    EXPECT_EQ(text_of(received[0]), "a frame that comes back on the same ring");
    EthdevIo::free_bulk(received, 1);
    EXPECT_EQ((*port)->stats().ipackets, 1u);
    EXPECT_EQ((*port)->stats().opackets, 1u);
    (*port)->stop();
  }
  EXPECT_EQ(rte_eth_dev_count_avail(), ports_before);
  EXPECT_EQ(rte_mempool_in_use_count(pool_), 0u);
}

TEST_F(PortTest, AutomaticQueuesAreOnePerWorkerAsFarAsTheDriverAllows) {
  PortOptions two = options("net_ring1");
  two.workers = 2;
  auto ring = Port::open(two);
  ASSERT_TRUE(ring.ok()) << ring.error();
  EXPECT_EQ((*ring)->rx_queues(), 2);
  EXPECT_EQ((*ring)->tx_queues(), 2);

  std::ofstream(directory_ / "in.pcap") << "";
  const PcapFileHeader header;
  std::ofstream(directory_ / "in.pcap", std::ios::binary)
      .write(reinterpret_cast<const char*>(&header), sizeof(header));
  two.device = "net_pcap1,rx_pcap=" + (directory_ / "in.pcap").string() +
               ",tx_pcap=" + (directory_ / "out.pcap").string();
  auto pcap = Port::open(two);
  ASSERT_TRUE(pcap.ok()) << pcap.error();
  EXPECT_EQ((*pcap)->rx_queues(), 1);
  EXPECT_EQ((*pcap)->tx_queues(), 1);
  EXPECT_THAT((*pcap)->warnings(), ElementsAre(HasSubstr("has 1 transmit queues for 2 workers")));
}

TEST_F(PortTest, PcapPortReadsOneFileAndWritesAnother) {
  const std::string frame(64, 'x');
  {
    std::ofstream in(directory_ / "in.pcap", std::ios::binary);
    const PcapFileHeader file;
    PcapPacketHeader head;
    head.captured = head.length = static_cast<uint32_t>(frame.size());
    in.write(reinterpret_cast<const char*>(&file), sizeof(file));
    in.write(reinterpret_cast<const char*>(&head), sizeof(head));
    in << frame;
  }
  {
    auto port = Port::open(options("net_pcap0,rx_pcap=" + (directory_ / "in.pcap").string() +
                                   ",tx_pcap=" + (directory_ / "out.pcap").string()));
    ASSERT_TRUE(port.ok()) << port.error();
    ASSERT_TRUE((*port)->start(owners_of_flows(1)).ok());
    rte_mbuf* received[4] = {};
    ASSERT_EQ(EthdevIo::rx((*port)->id(), 0, received, 4), 1);
    EXPECT_EQ(text_of(received[0]), frame);
    ASSERT_EQ(EthdevIo::tx((*port)->id(), 0, received, 1), 1);
  }
  std::ifstream out(directory_ / "out.pcap", std::ios::binary);
  const std::string written{std::istreambuf_iterator<char>(out), {}};
  ASSERT_EQ(written.size(), sizeof(PcapFileHeader) + sizeof(PcapPacketHeader) + frame.size());
  EXPECT_TRUE(written.ends_with(frame));
}

TEST_F(PortTest, TapPortCarriesItsMtuAndVanishesWithThePort) {
  const auto network = test::NetworkNamespace::create();
  if (network == nullptr) GTEST_SKIP() << "needs root to make a network namespace";
  const test::InNamespace inside(*network);
  PortOptions tap = options("net_tap0,iface=vgtest0");
  tap.mtu = 1400;
  tap.workers = 2;
  tap.rx_queues = 1;
  {
    auto port = Port::open(tap);
    ASSERT_TRUE(port.ok()) << port.error();
    EXPECT_EQ((*port)->rx_queues(), 1);
    EXPECT_EQ((*port)->tx_queues(), 1);
    ASSERT_TRUE((*port)->start(owners_of_flows(1)).ok());
    EXPECT_TRUE((*port)->link().up);
    EXPECT_TRUE(network->run("ip link show vgtest0 | grep -q 'mtu 1400'"));
  }
  EXPECT_EQ(if_nametoindex("vgtest0"), 0u);
}

TEST_F(PortTest, MemifAndAfPacketPortsOpenAndStartAsGiven) {
  const auto network = test::NetworkNamespace::create();
  if (network == nullptr) GTEST_SKIP() << "needs root to make a network namespace";
  const test::InNamespace inside(*network);
  ASSERT_TRUE(network->run("ip link add vgtest1 type veth peer name vgtest2"));
  const std::string socket = (directory_ / "memif.sock").string();
  for (const std::string& device : {"net_memif0,role=server,socket-abstract=no,socket=" + socket,
                                    std::string("net_af_packet0,iface=vgtest1")}) {
    auto port = Port::open(options(device));
    ASSERT_TRUE(port.ok()) << port.error();
    const Status started = (*port)->start(owners_of_flows(1));
    EXPECT_TRUE(started.ok()) << started.error();
    EXPECT_THAT((*port)->warnings(), IsEmpty());
  }
}

TEST_F(PortTest, ErrorsNameThePortTheDeviceAndWhatToDo) {
  auto pci = Port::open(options("0000:3b:00.0"));
  ASSERT_FALSE(pci.ok());
  EXPECT_THAT(pci.error(), HasSubstr("ports[1] edge: device '0000:3b:00.0' not found: bind it to "
                                     "vfio-pci (dpdk-devbind.py -b vfio-pci 0000:3b:00.0)"));
  auto vdev = Port::open(options("net_nonsense0,iface=x"));
  ASSERT_FALSE(vdev.ok());
  EXPECT_THAT(vdev.error(),
              AllOf(HasSubstr("ports[1] edge: device 'net_nonsense0,iface=x' cannot be made"),
                    HasSubstr("check the driver's name")));
}

TEST_F(PortTest, PciAddressesAreToldFromVdevs) {
  EXPECT_TRUE(is_pci_device("0000:3b:00.0"));
  EXPECT_TRUE(is_pci_device("3b:00.1,txq_inline_max=0"));
  EXPECT_FALSE(is_pci_device("net_tap0,iface=vg0"));
}

TEST(PortRss, HashesOneEndAloneWhereTheDeviceCan) {
  constexpr uint64_t kSource = RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY;
  constexpr uint64_t kDestination = RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY;
  constexpr uint64_t kTypes = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP;
  constexpr uint64_t kAll = kTypes | kSource | kDestination;
  EXPECT_EQ(wanted_rss(kAll, RssFields::kSource), kTypes | kSource);
  EXPECT_EQ(wanted_rss(kAll, RssFields::kDestination), kTypes | kDestination);
  EXPECT_EQ(wanted_rss(kTypes | RTE_ETH_RSS_L3_SRC_ONLY, RssFields::kSource), kTypes)
      << "an address without its port would be another hash";
  EXPECT_EQ(wanted_rss(kSource, RssFields::kSource), 0u) << "of nothing";
  EXPECT_TRUE(finds_owner(wanted_rss(kAll, RssFields::kSource)));
  EXPECT_TRUE(finds_owner(wanted_rss(kAll, RssFields::kDestination)));
  EXPECT_FALSE(finds_owner(kTypes));
}

TEST(PortRss, KeyIsAsLongAsTheDeviceAsks) {
  const auto key = owner_key();
  EXPECT_THAT(rss_key(key, 0), ::testing::ElementsAreArray(key));
  ASSERT_EQ(rss_key(key, 52).size(), 52u);
  EXPECT_TRUE(std::equal(key.begin(), key.end(), rss_key(key, 52).begin()));
  EXPECT_THAT(rss_key(key, 16), IsEmpty()) << "half a key is another one";
}

// Each port's queues begin with another worker.
TEST(PortRss, RedirectsEachHashToAQueueOfItsOwner) {
  for (uint32_t workers : {1u, 2u, 3u, 16u, 64u}) {
    for (uint32_t buckets : {64u, 128u, 512u}) {
      const FlowOwners owners(owner_key(), workers, buckets);
      for (uint32_t entries : {buckets, 2 * buckets}) {
        for (uint32_t port = 0; port < 3; ++port) {
          const auto queues = redirection(entries, port, static_cast<uint16_t>(workers), owners);
          for (uint32_t i = 0; i < 1000; ++i) {
            const Ipv4Address client{Be32(0x0a000000 + i * 7919)};
            const Be16 client_port(static_cast<uint16_t>(1024 + i));
            const uint32_t hash = ToeplitzHash(owner_key()).v4(client, client_port);
            ASSERT_EQ(queue_owner(port, queues[hash % entries], workers),
                      owners.of(client, client_port));
          }
        }
      }
    }
  }
}

TEST_F(PortTest, GivesADeviceWithRssTheKeyAndTheTableThatFlowsAreOwnedBy) {
  PortOptions wanted = options("net_null0");
  wanted.index = 0;
  wanted.workers = 2;
  wanted.rss_key = owner_key();
  auto port = Port::open(wanted);
  ASSERT_TRUE(port.ok()) << port.error();
  ASSERT_EQ((*port)->rx_queues(), 2);
  const FlowOwners owners(owner_key(), 2, (*port)->facts().reta_entries);
  ASSERT_TRUE((*port)->start(owners).ok());
  EXPECT_THAT((*port)->warnings(), ::testing::Each(::testing::Not(HasSubstr("RSS"))));
  EXPECT_THAT((*port)->summary(), HasSubstr("2 receive and 2 transmit queues, RSS"));

  std::vector<uint8_t> key(ToeplitzHash::kKeyLength);
  rte_eth_rss_conf conf{
      .rss_key = key.data(), .rss_key_len = static_cast<uint8_t>(key.size()), .rss_hf = 0};
  ASSERT_EQ(rte_eth_dev_rss_hash_conf_get((*port)->id(), &conf), 0);
  EXPECT_THAT(key, ::testing::ElementsAreArray(owner_key()));
  std::vector<rte_eth_rss_reta_entry64> table((*port)->facts().reta_entries /
                                              RTE_ETH_RETA_GROUP_SIZE);
  for (auto& group : table) group.mask = ~uint64_t{0};
  ASSERT_EQ(rte_eth_dev_rss_reta_query((*port)->id(), table.data(),
                                       static_cast<uint16_t>((*port)->facts().reta_entries)),
            0);
  for (uint32_t i = 0; i < (*port)->facts().reta_entries; ++i) {
    ASSERT_EQ(table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE],
              owners.of_bucket(i));
  }
}

}  // namespace
}  // namespace vipgate::test::port_test
