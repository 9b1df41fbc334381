// The way of a burst through the fast path, in passes over an array of packets: parse all, look up
// all addresses, find all flows, then balance and rewrite each in order. Each pass prefetches what
// the next one reads. One Pipeline per worker, used by that worker only.
//
// The code is split by concern: parse.h, usual_vip.h, lookup.h (passes two and three), translate.h
// (pass four), usual_packets.h and usual_beginnings.h (pass four of most packets, and of most new
// flows, by the shortest way), direct.h (passes three and four of l2dsr and tunnels), affinity.h
// (clients that keep their real), named_reals.h (QUIC connection ids that name theirs),
// dns_packets.h (DNS questions), dns_limits.h (how many replies a client gets), dns_forward.h
// (questions that resolvers answer), icmp_impl.h (our ICMP errors), icmp_relay.h (those of others),
// rare.h (no ports, or no service), new_flow_prefetch.h, ways_out.h (how packets leave).
#pragma once

#include <array>
#include <span>

#include "common/counters.h"
#include "common/snapshot.h"
#include "dataplane/fastpath/burst.h"
#include "dataplane/fastpath/dns_forwarder.h"
#include "dataplane/fastpath/dns_responder.h"
#include "dataplane/fastpath/flow_clock.h"
#include "dataplane/fastpath/flow_walk.h"
#include "dataplane/fastpath/icmp_quote.h"
#include "dataplane/fastpath/knobs.h"
#include "dataplane/fastpath/outbox.h"
#include "dataplane/fastpath/packet.h"
#include "dataplane/fastpath/pipeline_state.h"
#include "dataplane/fastpath/verdict.h"

namespace vipgate {

class UsualBeginning;
class UsualFrame;
enum class Parsed : uint8_t;

template <class Observer = NoObserver>
class Pipeline : private PipelineState {
 public:
  Pipeline(const PipelineOptions& options, Observer& observer)
      : PipelineState(options), observer_(observer) {}
  // Goes on where another one stands between two bursts: with its tables. The other one must not
  // be used any more.
  template <class Other>
  Pipeline(const Pipeline<Other>& other, Observer& observer)
      : PipelineState(other), observer_(observer) {}

  // Takes `count` packets (at most kBurst) that came in by `port` through all passes; each ends in
  // one queue of `outbox`, which must be empty. `handed_over`: another worker found that this one
  // owns them; their mbufs' `port` fields then tell the ingress ports.
  void process(const Snapshot& snapshot, rte_mbuf** mbufs, uint16_t count, uint8_t port,
               bool handed_over, Now now, Outbox& outbox);

  // Housekeeping of the flow stores, once per loop.
  void advance(Now now) {
    flows4_.advance(now);
    flows6_.advance(now);
    affinities4_.advance(now);
    affinities6_.advance(now);
    tell_levels(now);
  }

  // Sends on, or drops, up to kBurst fragments that were held; to be called once per loop. Whether
  // there were any. `outbox` must be empty, and is to be emptied before the next call.
  bool settle_fragments(const Snapshot& snapshot, Now now, Outbox& outbox);
  // Does what time brings to questions that were forwarded, and answers up to kBurst / 2 packets
  // that waited; to be called once per loop. Whether there was anything. As settle_fragments().
  bool settle_questions(const Snapshot& snapshot, Now now, Outbox& outbox);
  // Packets that are held.
  size_t held() const {
    return fragments_.held() + (forwarder_ == nullptr ? 0 : forwarder_->flights().held());
  }
  // To be kept full; null: nothing is forwarded.
  SparePackets* spares() { return forwarder_ == nullptr ? nullptr : &forwarder_->spares(); }

  size_t flows() const { return flows4_.size() + flows6_.size(); }
  // A step of the walk; false: it is through.
  bool walk_on(FlowWalk& walk, Now now) const { return walk.step(flows4_, flows6_, now); }

 private:
  template <class Other>
  friend class Pipeline;
  using PipelineState::flows;

  using From = BurstOrigin;

  void run(Burst& burst, rte_mbuf** mbufs, uint16_t count, uint8_t port);
  // Pass 1. `kAsksOwner`: packets may have to be handed over.
  bool parse_stretch(Burst& burst, rte_mbuf** mbufs, uint16_t first, uint16_t last, uint8_t port,
                     const UsualVip& usual);
  template <bool kAsksOwner>
  bool parse_all(Burst& burst, rte_mbuf** mbufs, uint16_t first, uint16_t last, uint8_t port,
                 const UsualVip& usual);
  bool parse_stretches(Burst& burst, rte_mbuf** mbufs, uint16_t count, const UsualVip& usual);
  UsualVip usual_vip(const Burst& burst) const;
  template <bool kAsksOwner>
  Parsed parse_tcp(Packet& packet, const UsualVip& usual, const UsualFrame& usual_frame);
  template <bool kAsksOwner>
  bool owns(Ipv4Address address, Be16 port) const;
  void prepare_usual_flow(Packet& packet, const UsualVip& usual);
  void parse_other(Burst&, Packet&, LastHash<Ipv4Address>& last4, LastHash<Ipv6Address>& last6);
  template <class Address>
  void prefetch_address(const Snapshot& snapshot, Packet& packet, LastHash<Address>& last);
  // Pass 2.
  void look_up_all(Burst& burst, uint16_t count, LastVip<Ipv4Address> last4);
  template <class Address>
  void look_up(Burst& burst, Packet& packet, LastVip<Address>& last);
  template <class Address>
  void take_service(Burst& burst, Packet& packet, LastVip<Address>& last, uint32_t index);
  template <class Address, class Entry>
  void find_service(Burst& burst, Packet& packet, LastVip<Address>& last, const Entry* entry);
  template <class Address, class Entry>
  void find_service_at(Burst& burst, Packet& packet, LastVip<Address>& last, const Entry* entry);
  template <class Address>
  bool follow_fragment(Burst& burst, Packet& packet);
  template <class Address>
  void look_up_flow(Burst& burst, Packet& packet);
  template <class Address>
  void look_up_special_flow(Burst& burst, Packet& packet);
  template <class Address>
  void prepare_flow(Packet& packet);
  template <class Address>
  bool look_up_wide(Burst& burst, Packet& packet);
  template <class Address>
  void look_up_wide_flow(Burst& burst, Packet& packet);
  template <class Address>
  bool look_up_wide_nat_return(Burst& burst, Packet& packet);
  template <class Address>
  void look_up_snat(Burst& burst, Packet& packet, uint32_t slot);
  template <class Address>
  void fetch_return(Packet& packet);
  template <class Address>
  void fetch_nat_return(Packet& packet, uint32_t flow_id);
  bool knows_returns(const Burst& burst) const;
  template <bool kAsksOwner>
  bool parse_return(Packet& packet);
  template <bool kAsksOwner>
  bool parse_nat_return(const Burst& burst, Packet& packet);
  void keep_snat(const Burst& burst, Ipv4Address address, uint32_t slot);
  void keep_snat(const Burst&, const Ipv6Address&, uint32_t) {}
  void keep_nat_real(const Burst& burst, const Endpoint<Ipv4Address>& real, uint32_t flow_id);
  void keep_nat_real(const Burst&, const Endpoint<Ipv6Address>&, uint32_t) {}
  template <class Address>
  bool look_up_nat_return(Burst& burst, Packet& packet);
  template <class Address>
  void look_up_dns(Burst& burst, Packet& packet);
  template <class Address, class SumData>
  static bool has_good_udp_checksum(const Packet& packet, SumData&& sum_data);
  template <class Address>
  void look_up_resolver_answer(Burst& burst, Packet& packet);
  void prefetch_forwarded(const Burst& burst, uint8_t dns_index);
  void prefetch_questions(const Burst& burst);
  void prefetch_known(uint8_t dns_index);
  static Be16 return_port(const Burst& burst, const Packet& packet);
  template <class Address>
  bool is_mine(Burst& burst, Packet& packet, const Address& client, Be16 client_port);
  template <class Address>
  bool hand_to_owner(Burst& burst, Packet& packet, const Address& client, Be16 client_port);
  // Pass 3.
  void find_all(Burst& burst, uint16_t count);
  void find_flow(Burst& burst, Packet& packet);
  template <class Address>
  static auto flow_key(const Packet& packet);
  template <class Address>
  auto entry_of(const Packet& packet);
  template <class Address>
  void find_forward(Burst& burst, Packet& packet);
  template <class Address>
  void find_return(Burst& burst, Packet& packet);
  template <class Address>
  void find_direct(Burst& burst, Packet& packet);
  template <class Address>
  void prefetch_behind_record(const Burst& burst, const Packet& packet);
  template <class Address>
  void find_wide_forward(Burst& burst, Packet& packet);
  template <class Address>
  void find_wide_return(Burst& burst, Packet& packet);
  template <class Address>
  void find_other_return(Burst& burst, Packet& packet);
  template <class Address>
  void find_wide_direct(Burst& burst, Packet& packet);
  template <class Address, class Entry>
  void note_forward(Burst& burst, Packet& packet, Entry* entry);
  template <class Address, class Entry>
  void note_direct(Burst& burst, Packet& packet, Entry* entry);
  void note_real(const Burst& burst, Packet& packet, RealId id);
  // Calls visit(table, key) with those of the packet's flow. REQUIRES: `service` is set.
  template <class Address, class Visit>
  auto with_flow_key(const Packet& packet, Visit&& visit);
  template <class Address>
  uint64_t flow_hash_of(const Packet& packet);
  // Connections whose ids name their real.
  template <class Address>
  static Step quic_step(const ServiceEntry& service);
  static RealId real_of_quic_id(const Burst& burst, const Packet& packet, uint32_t id);
  static RealId named_real(const Burst& burst, const Packet& packet);
  static bool goes_elsewhere(const Burst& burst, const Packet& packet, RealId id);
  template <class Address>
  void find_quic(Burst& burst, Packet& packet);
  template <class Address>
  void forward_quic(Burst& burst, Packet& packet);
  template <class Address>
  void forward_quic_direct(Burst& burst, Packet& packet);
  // Clients that keep their real.
  template <class Address>
  bool is_my_client(Burst& burst, Packet& packet);
  void note_clients(Burst& burst);
  template <class Address>
  void note_client(Burst& burst, const Packet& packet);
  template <class Address>
  RealId real_of_client(const Burst& burst, const ServiceEntry& service, const Address& client);
  template <class Address>
  void keep_client(const Burst&, const ServiceEntry& service, const Address& client, RealId id);
  template <class Address>
  RealId choose_for_client(Burst& burst, Packet& packet, RealId previous, RealId by_row);
  static bool takes_clients(const Snapshot& snapshot, const ServiceEntry& service, RealId id);
  template <class Address>
  bool goes_to_client_owner(Burst& burst, Packet& packet, const Address& client);
  // Between passes 3 and 4.
  void prefetch_new_flows(Burst& burst, uint16_t count);
  template <class Address>
  bool prefetch_room(const Packet& packet);
  template <class Address>
  void prefetch_records(const Burst& burst, const Packet& packet, NewFlowNote& note);
  template <class Address>
  void prefetch_victim(const Burst& burst, const Packet& packet, NewFlowNote& note);
  template <class Address>
  void prefetch_port(const Burst&, const Packet&, NewFlowNote& note, RealId id, const RealEntry&);
  template <class Address>
  NewFlowNote& new_flow(const Packet& packet);
  void plan_beginning(const Burst&, Packet& packet, const NewFlowNote& note, const UsualBeginning&);

  // Pass 4.
  uint16_t finish_from(Burst& burst, uint16_t first, uint16_t count);
  template <Step kStep, class IsAlike, class TakeUsual>
  uint16_t finish_stretch(Burst&, uint16_t first, uint16_t count, IsAlike&&, TakeUsual&&);
  uint16_t forward_usual(Burst& burst, uint16_t first, uint16_t count);
  bool forward_if_usual(Burst& burst, Packet& packet, const ServiceEntry& service);
  template <bool kTunnel>
  uint16_t send_usual(Burst& burst, uint16_t first, uint16_t count);
  template <bool kTunnel>
  bool send_if_usual(Burst& burst, Packet& packet, const ServiceEntry& service);
  uint16_t begin_usual(Burst& burst, uint16_t first, uint16_t count);
  bool begin_if_usual(Burst&, Packet& packet, const ServiceEntry& service, uint32_t& begun);
  uint16_t begin_direct_usual(Burst& burst, uint16_t first, uint16_t count);
  void count_begun(const ServiceEntry& service, uint32_t flows);
  uint16_t return_usual(Burst& burst, uint16_t first, uint16_t count);
  bool return_if_usual(Burst& burst, Packet& packet, NatRecord<Ipv4Address>& record,
                       const FlowTimeouts& timeouts, const PortEntry* ports);
  void finish(Burst& burst, Packet& packet);
  template <class Address>
  void forward(Burst& burst, Packet& packet);
  template <class Address>
  NatRecord<Address>* settle_real(Burst& burst, Packet& packet, NatRecord<Address>* record);
  template <class Address>
  void forward_wide(Burst& burst, Packet& packet);
  template <class Address>
  void forward_return(Burst& burst, Packet& packet);
  template <class Address>
  NatRecord<Address>* find_or_create(Burst& burst, Packet& packet);
  template <class Address>
  NatRecord<Address>* balance(Burst& burst, Packet& packet, const NewFlowNote& note);
  template <class Address>
  RealId choose_real(Burst& burst, Packet& packet, uint32_t row_hash);
  template <class Address>
  void refuse(Burst& burst, Packet& packet, DropReason reason);
  template <class Address>
  void reject(Burst& burst, Packet& packet, DropReason reason, uint32_t service);
  template <class Address>
  void reject_sctp(Burst& burst, Packet& packet, DropReason reason, uint32_t service);
  bool may_have_more(const ServiceEntry& service) const;
  bool is_within_rate(const ServiceEntry& service, Now now);
  template <class Address>
  void handle_unserved_port(Burst& burst, Packet& packet);
  template <class Address>
  void forward_direct(Burst& burst, Packet& packet);
  template <class Address>
  void settle_direct(Burst& burst, Packet& packet);
  template <class Address>
  void send_direct(Burst& burst, Packet& packet, RealId id);
  template <class Address>
  void forward_wide_direct(Burst& burst, Packet& packet);
  template <class Address>
  bool put_in_tunnel(Burst& burst, Packet& packet, RealId id);
  template <class Address>
  bool put_in_plain_tunnel(Burst& burst, Packet& packet, RealId id);
  template <class Address>
  bool put_in_tunnel_with_hops(Burst& burst, Packet& packet, RealId id, uint32_t row_hash);
  template <class Address>
  bool fits(Burst& burst, Packet& packet, const TunnelHeader& tunnel, size_t extra);
  template <class Address>
  void refuse_tunnel(Burst& burst, Packet& packet, const TunnelHeader& tunnel, size_t extra);
  template <class Address>
  RealId real_without_entry(const Burst& burst, const Packet& packet) const;
  template <class Address>
  RealId find_or_choose(Burst& burst, Packet& packet);
  template <class Address>
  RealId balance_direct(Burst& burst, Packet& packet, const NewFlowNote& note);
  template <class Address>
  bool tell_client(Burst& burst, Packet& packet, NatRecord<Address>& record, uint16_t mtu);
  template <class Address>
  void follow_client(Burst& burst, NatRecord<Address>& record, const Packet& packet);
  template <class Address>
  void follow_real(NatRecord<Address>& record, uint8_t flags, const FlowTimeouts& timeouts,
                   Quarter now);
  template <class Address>
  uint16_t answer_questions(Burst& burst, uint16_t first, uint16_t count);
  template <class Address>
  void answer_dns(Burst& burst, Packet& packet);
  // What DNS replies are limited by.
  void prefetch_dns_rate(const DnsRateLimit& limit, uint32_t index);
  template <class Address>
  bool limit_dns(const Burst& burst, const Packet& packet, DnsReply& answer);
  uint64_t dns_rate_key(const DnsRateLimit& limit, const DnsQuery& query, DnsRateKind kind,
                        uint64_t name) const;
  uint64_t dns_reply_rate_key(const Burst& burst, const Packet& packet, DnsRateKind kind) const;
  template <class Address>
  void leave_unanswered(Burst& burst, Packet& packet, DnsVerdict verdict);
  template <class Address>
  void put_dns(Burst& burst, Packet& packet, const DnsReply& answer);
  template <class Address>
  void send_dns(Burst& burst, Packet& packet, DnsReply answer);
  // Questions for resolvers.
  template <class Address>
  void forward_dns(Burst& burst, Packet& packet);
  DnsReply answer_known(const Burst&, const DnsParsed& parsed, const DnsCache::Sought& sought);
  DnsReply answer_known_with_care(const Burst& burst, const DnsParsed& parsed,
                                  const DnsCache::Sought& sought);
  template <class Address>
  void wait_for_resolver(Burst& burst, Packet& packet, const DnsQuestion& question);
  void ask_resolver(Burst& burst, DnsFlight& flight, DnsAttempt* refused = nullptr);
  void fail_question(Burst& burst, DnsFlight& flight);
  template <class Address>
  void take_resolver_answer(Burst& burst, Packet& packet);
  // ICMP errors of our own.
  template <class Address>
  bool may_be_told(const Burst& burst, const Packet& packet) const;
  template <class Address>
  void expire(Burst& burst, Packet& packet, const Address& vip, uint32_t service);
  template <class Address>
  void refuse_too_big(Burst&, Packet&, uint16_t mtu, const Address& vip, uint32_t service);
  // ICMP errors of others about flows.
  template <class Address, class Entry>
  bool relay_error(Burst& burst, Packet& packet, const Entry* entry);
  template <class Address, class Visit>
  auto with_quoted_flow_key(const Quote<Address>& quote, const ServiceEntry&, Visit&& visit);
  template <class Address>
  void relay_error_of_client(Burst& burst, Packet& packet, const Quote<Address>& quote,
                             const ServiceEntry& service);
  template <class Address>
  void relay_error_directly(Burst& burst, Packet& packet, const Quote<Address>& quote,
                            const ServiceEntry& service);
  template <class Address>
  void relay_error_of_fullnat_real(Burst&, Packet&, const Quote<Address>& quote, uint32_t slot);
  template <class Address>
  bool relay_error_of_nat_real(Burst&, Packet&, const Quote<Address>& quote, bool is_nobodys);
  template <class Address>
  void relay_error_to_client(Burst& burst, Packet& packet, const Quote<Address>& quote,
                             const NatRecord<Address>& record);
  template <class Address>
  void note_tunnel_error(const Packet& packet, const Quote<Address>& quote);
  void send_error_to_real(Burst&, Packet&, const ServiceEntry& service, RealId id, uint16_t bytes);
  // The rare ones.
  void handle_arp(Burst& burst, Packet& packet);
  void handle_icmp4(Burst& burst, Packet& packet);
  void handle_icmp6(Burst& burst, Packet& packet);
  template <class Address>
  void handle_other(Burst& burst, Packet& packet);
  template <class Address, class Entry>
  void handle_unserved(Burst& burst, Packet& packet, const Entry* entry);
  template <class Address>
  void handle_transit(Burst& burst, Packet& packet, DropReason otherwise);

  // Ways out of the burst. Each counts, tells the observer and queues the packet.
  void drop(Burst& burst, Packet& packet, DropReason reason, uint32_t service = kNone);
  void reply(Burst& burst, Packet& packet, ReplyKind kind, uint32_t service = kNone);
  void to_kernel(Burst& burst, Packet& packet, KernelReason reason);
  void hand_over(Burst& burst, Packet& packet, uint32_t owner);
  void sent(Burst& burst, Packet& packet, const Verdict& verdict, uint8_t port);
  void count_run(uint32_t service, bool is_return, uint64_t bytes, uint32_t packets = 1);
  void flush_run();

  Observer& observer_;
  LastVip<Ipv4Address> usual_;  // that of the bursts before; its service is not to be followed
  KnownReturns known_returns_;
  // Of the burst in hand.
  CountedRun run_;
  uint32_t dns_count_ = 0;
  uint32_t begun_ = 0;            // flows of this burst so far
  uint64_t new_flows_known_ = 0;  // packets whose new_flow_notes_ are of this burst
  std::array<NewFlowNote, kBurst> new_flow_notes_;
  uint32_t seen_client_count_ = 0;
  std::array<Packet, kBurst> packets_;
  std::array<DnsParsed, kBurst> dns_;
  std::array<uint64_t, kBurst> dns_rate_keys_;  // of the replies that are expected
  std::array<DnsCache::Sought, kBurst> sought_dns_;
  std::array<uint8_t, kBurst> seen_clients_;  // positions in packets_, until pass three
};

}  // namespace vipgate
