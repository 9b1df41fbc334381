#include "dataplane/exception_path.h"

#include <gmock/gmock.h>
#include <net/if.h>
#include <rte_mbuf.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "common/headers.h"
#include "tests/support/address_text.h"
#include "tests/support/network_namespace.h"

namespace vipgate::exception_path_test {
namespace {

using ::testing::HasSubstr;

constexpr MacAddress kPortMac{{0x02, 0, 0, 0, 0, 0x01}};
constexpr MacAddress kPeerMac{{0x02, 0, 0, 0, 0, 0x99}};
constexpr auto kDeadline = std::chrono::seconds(10);

using test::ip;

IpPrefix prefix(const char* text) { return *parse_ip_prefix(text); }

// Owns the frames that a worker would transmit.
class Frame {
 public:
  explicit Frame(rte_mbuf* mbuf) : mbuf_(mbuf) {}
  Frame(Frame&& other) noexcept : mbuf_(std::exchange(other.mbuf_, nullptr)) {}
  ~Frame() { rte_pktmbuf_free(mbuf_); }
  explicit operator bool() const { return mbuf_ != nullptr; }
  template <class T>
  const T* at(size_t offset) const {
    return rte_pktmbuf_mtod_offset(mbuf_, const T*, offset);
  }
  size_t size() const { return mbuf_->pkt_len; }

 private:
  rte_mbuf* mbuf_;
};

class ExceptionPathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    network_ = test::NetworkNamespace::create();
    if (network_ == nullptr) GTEST_SKIP() << "needs root to make a network namespace";
    inside_ = std::make_unique<test::InNamespace>(*network_);
    pool_ = rte_pktmbuf_pool_create("exception_test", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
                                    SOCKET_ID_ANY);
    ASSERT_NE(pool_, nullptr);
  }
  void TearDown() override {
    path_.reset();
    if (pool_ != nullptr) {
      EXPECT_EQ(rte_mempool_in_use_count(pool_), 0u);
    }
    rte_mempool_free(pool_);
  }

  static KernelPortOptions port(uint16_t vlan = 0) {
    KernelPortOptions options;
    options.port = 3;
    options.port_name = "edge";
    options.mac = kPortMac;
    options.vlan = vlan;
    options.addresses = {prefix("10.9.0.2/24"), prefix("fd09::2/64")};
    return options;
  }

  void open(const KernelPortOptions& options) {
    ExceptionPathOptions all;
    all.ports = {options};
    auto path = ExceptionPath::create(all);
    ASSERT_TRUE(path.ok()) << path.error();
    path_ = std::move(path).value();
    rings_ = path_->kernel_port(0, options.port);
    ASSERT_NE(rings_.to_kernel, nullptr);
    ASSERT_NE(rings_.from_kernel, nullptr);
  }

  template <class T>
  static void append(rte_mbuf* mbuf, const T& header) {
    std::memcpy(rte_pktmbuf_append(mbuf, sizeof(T)), &header, sizeof(T));
  }

  rte_mbuf* arp_request(IpAddress target, uint16_t vlan = 0) {
    constexpr MacAddress kBroadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
    append(mbuf,
           EthernetHeader{kBroadcast, kPeerMac, Be16(vlan == 0 ? kEtherTypeArp : kEtherTypeVlan)});
    if (vlan != 0) append(mbuf, VlanTag{Be16(vlan), Be16(kEtherTypeArp)});
    append(mbuf, ArpHeader{Be16(1),
                           Be16(kEtherTypeIpv4),
                           6,
                           4,
                           Be16(ArpHeader::kRequest),
                           kPeerMac,
                           ip("10.9.0.9").v4(),
                           {},
                           target.v4()});
    return mbuf;
  }

  // As a worker does at the end of its loop.
  void send(rte_mbuf* mbuf) {
    ASSERT_EQ(rte_ring_sp_enqueue(rings_.to_kernel, mbuf), 0);
    path_->waker()->wake();
  }

  // The next frame of the ether type; the kernel also sends others (MLD, router solicitations).
  Frame receive(uint16_t ether_type, size_t type_offset) {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < end) {
      void* object = nullptr;
      if (rte_ring_sc_dequeue(rings_.from_kernel, &object) != 0) {
        std::this_thread::yield();
        continue;
      }
      Frame frame(static_cast<rte_mbuf*>(object));
      if (*frame.at<Be16>(type_offset) == Be16(ether_type)) return frame;
    }
    return Frame(nullptr);
  }

  std::unique_ptr<test::NetworkNamespace> network_;
  std::unique_ptr<test::InNamespace> inside_;
  rte_mempool* pool_ = nullptr;
  std::unique_ptr<ExceptionPath> path_;
  KernelPort rings_;
};

TEST_F(ExceptionPathTest, InterfaceHasThePortsMacMtuAndAddressesAndNoDefaultRoute) {
  KernelPortOptions options = port();
  options.mtu = 1400;
  open(options);
  EXPECT_EQ(path_->interface_name(3), "vg-edge");
  EXPECT_TRUE(network_->run("ip link show vg-edge | grep -q 'mtu 1400'"));
  EXPECT_TRUE(network_->run("ip link show vg-edge | grep -q 'link/ether 02:00:00:00:00:01'"));
  EXPECT_TRUE(network_->run("ip -4 addr show vg-edge | grep -q 'inet 10.9.0.2/24'"));
  EXPECT_TRUE(network_->run("ip -6 addr show vg-edge | grep 'inet6 fd09::2/64' | grep -q nodad"));
  EXPECT_FALSE(network_->run("ip -6 addr show vg-edge | grep -q tentative"));
  EXPECT_TRUE(network_->run("test -z \"$(ip route show default; ip -6 route show default)\""));
  EXPECT_TRUE(network_->run("grep -q 0 /proc/sys/net/ipv6/conf/vg-edge/accept_ra"));
}

TEST_F(ExceptionPathTest, KernelAnswersAnArpRequestForThePortsAddress) {
  open(port());
  send(arp_request(ip("10.9.0.2")));
  const Frame reply = receive(kEtherTypeArp, 12);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply.at<EthernetHeader>(0)->destination, kPeerMac);
  const auto* arp = reply.at<ArpHeader>(sizeof(EthernetHeader));
  EXPECT_EQ(arp->operation, Be16(ArpHeader::kReply));
  EXPECT_EQ(arp->sender_mac, kPortMac);
  EXPECT_EQ(IpAddress(arp->sender_ip), ip("10.9.0.2"));
}

// Each round the thread has gone back to sleep, or is about to: one lost wake-up stops the test.
TEST_F(ExceptionPathTest, NoWakeUpIsLostOverManyRounds) {
  constexpr uint64_t kRounds = 2000;
  open(port());
  for (uint64_t round = 0; round < kRounds; ++round) {
    send(arp_request(ip("10.9.0.2")));
    ASSERT_TRUE(receive(kEtherTypeArp, 12)) << "round " << round;
  }
  EXPECT_EQ(path_->stats(3).to_kernel, kRounds);
  EXPECT_GE(path_->stats(3).from_kernel, kRounds);
  EXPECT_EQ(path_->stats(3).to_kernel_dropped, 0u);
}

TEST_F(ExceptionPathTest, VlanTagIsStrippedTowardsTheKernelAndInsertedOnTheWayBack) {
  open(port(42));
  send(arp_request(ip("10.9.0.2"), 42));
  const Frame reply = receive(kEtherTypeArp, 16);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply.at<EthernetHeader>(0)->destination, kPeerMac);
  EXPECT_EQ(reply.at<EthernetHeader>(0)->source, kPortMac);
  EXPECT_EQ(reply.at<EthernetHeader>(0)->ether_type, Be16(kEtherTypeVlan));
  EXPECT_EQ(reply.at<VlanTag>(sizeof(EthernetHeader))->tci, Be16(42));
  EXPECT_EQ(reply.at<ArpHeader>(18)->operation, Be16(ArpHeader::kReply));
  EXPECT_EQ(reply.size(), 18 + sizeof(ArpHeader));
}

TEST_F(ExceptionPathTest, FramesOfAnotherVlanOrUntaggedDoNotReachTheKernel) {
  open(port(42));
  send(arp_request(ip("10.9.0.2"), 43));
  send(arp_request(ip("10.9.0.2")));
  send(arp_request(ip("10.9.0.2"), 42));
  ASSERT_TRUE(receive(kEtherTypeArp, 16));
  EXPECT_EQ(path_->stats(3).to_kernel, 1u);
  EXPECT_EQ(path_->stats(3).to_kernel_dropped, 2u);
}

TEST_F(ExceptionPathTest, FrameInSeveralBuffersArrivesWhole) {
  open(port());
  rte_mbuf* whole = arp_request(ip("10.9.0.2"));
  rte_mbuf* rest = rte_pktmbuf_alloc(pool_);
  const uint16_t moved = 20;
  std::memcpy(rte_pktmbuf_append(rest, moved),
              rte_pktmbuf_mtod_offset(whole, char*, whole->data_len - moved), moved);
  rte_pktmbuf_trim(whole, moved);
  ASSERT_EQ(rte_pktmbuf_chain(whole, rest), 0);
  send(whole);
  EXPECT_TRUE(receive(kEtherTypeArp, 12));
}

TEST_F(ExceptionPathTest, InjectedFrameComesOutForTheWorkerToTransmit) {
  constexpr uint16_t kExperimental = 0x88b5;  // IEEE 802 local experimental ether type
  open(port());
  std::vector<uint8_t> frame(60, 0x5a);
  frame[12] = kExperimental >> 8;
  frame[13] = kExperimental & 0xff;
  ASSERT_TRUE(path_->inject(3, frame));
  const Frame got = receive(kExperimental, 12);
  ASSERT_TRUE(got);
  EXPECT_EQ(std::memcmp(got.at<uint8_t>(0), frame.data(), frame.size()), 0);
  EXPECT_FALSE(path_->inject(4, frame)) << "there is no port 4";
  EXPECT_FALSE(path_->inject(3, std::vector<uint8_t>(9000))) << "larger than any buffer";
}

TEST_F(ExceptionPathTest, FullRingTowardsTheWorkerDropsAndCountsAndLosesNoBuffer) {
  ExceptionPathOptions options;
  options.ports = {port()};
  options.ring_size = 8;
  auto path = ExceptionPath::create(options);
  ASSERT_TRUE(path.ok()) << path.error();
  path_ = std::move(path).value();
  rings_ = path_->kernel_port(0, 3);
  // Nobody dequeues.
  const auto end = std::chrono::steady_clock::now() + kDeadline;
  while (path_->stats(3).from_kernel_dropped == 0 && std::chrono::steady_clock::now() < end) {
    while (rte_ring_full(rings_.to_kernel) != 0) std::this_thread::yield();
    send(arp_request(ip("10.9.0.2")));
  }
  EXPECT_GT(path_->stats(3).from_kernel_dropped, 0u);
}

TEST_F(ExceptionPathTest, OnlyTheOwnerDrainsAndPortsWithoutAKernelSideHaveNoRings) {
  ExceptionPathOptions options;
  options.ports = {port()};
  options.ports[0].owner = 1;
  options.workers = 2;
  auto path = ExceptionPath::create(options);
  ASSERT_TRUE(path.ok()) << path.error();
  EXPECT_NE((*path)->kernel_port(0, 3).to_kernel, (*path)->kernel_port(1, 3).to_kernel);
  EXPECT_EQ((*path)->kernel_port(0, 3).from_kernel, nullptr);
  EXPECT_NE((*path)->kernel_port(1, 3).from_kernel, nullptr);
  EXPECT_EQ((*path)->kernel_port(0, 0).to_kernel, nullptr);
}

TEST_F(ExceptionPathTest, InterfaceIsGoneAfterDestruction) {
  open(port());
  ASSERT_NE(if_nametoindex("vg-edge"), 0u);
  path_.reset();
  EXPECT_EQ(if_nametoindex("vg-edge"), 0u);
}

TEST_F(ExceptionPathTest, InterfaceIsGoneAfterItsProcessWasKilled) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto tap = Tap::open({"vg-crash", kPortMac, 1500, {}});
    const char made = tap.ok() ? 1 : 0;
    if (write(ready[1], &made, 1) == 1) pause();
    _exit(1);
  }
  char made = 0;
  ASSERT_EQ(read(ready[0], &made, 1), 1);
  EXPECT_EQ(made, 1);
  EXPECT_NE(if_nametoindex("vg-crash"), 0u);
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(if_nametoindex("vg-crash"), 0u);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(ExceptionPathTest, InterfaceOfAnotherInstanceIsRefusedWithASentenceThatNamesThePort) {
  const auto other = Tap::open({"vg-edge", kPeerMac, 1500, {}});
  ASSERT_TRUE(other.ok()) << other.error();
  ExceptionPathOptions options;
  options.ports = {port()};
  const auto second = ExceptionPath::create(options);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error(), HasSubstr("ports[3] edge: exception path: interface vg-edge exists"));
}

TEST(TapName, IsCutToWhatTheKernelTakesAndRefusesWhatItCannotTake) {
  EXPECT_EQ(*tap_name("edge"), "vg-edge");
  EXPECT_EQ(*tap_name("a-rather-long-name"), "vg-a-rather-lon");
  EXPECT_FALSE(tap_name("with/slash").ok());
  EXPECT_FALSE(tap_name("with space").ok());
  EXPECT_FALSE(tap_name("").ok());
}

TEST(KernelWaker, MakesASystemCallOnlyForAThreadThatSleeps) {
  const int fd = eventfd(0, EFD_NONBLOCK);
  KernelWaker waker(fd);
  uint64_t wakes = 0;
  waker.wake();
  EXPECT_LT(read(fd, &wakes, sizeof(wakes)), 0) << "nobody sleeps";
  waker.announce_sleep();
  waker.wake();
  waker.wake();
  ASSERT_EQ(read(fd, &wakes, sizeof(wakes)), static_cast<ssize_t>(sizeof(wakes)));
  EXPECT_EQ(wakes, 1u) << "the second caller found it awake";
  close(fd);
}

}  // namespace
}  // namespace vipgate::exception_path_test
