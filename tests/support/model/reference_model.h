// What the data plane must do with each packet, written for reading, not for speed: std::map, whole
// frames, times in 64 bits, and the SnapshotSpec as the control plane states it in place of the
// tables that are compiled from it. No code of dataplane/ is used.
//
// It judges rather than predicts: where the data plane has a choice (which SNAT port a new flow
// gets), the model sees what was chosen, checks that it was allowed, and holds the data plane to it
// from then on. Everything else, to the last byte, it says itself.
//
// Where a new rule goes: a class of packet that ends in one answer is a case of judge_packet() and,
// if it changes bytes, a function of wire.h; a forwarding mode is a case of forwarded_frame() and,
// if its returns pass the gateway, of the two functions that find their flows; a fault that drops
// is one line of wire_read.cpp.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/snapshot_builder.h"
#include "tests/support/model/wire.h"

namespace vipgate::test::model {

// "drop no_flow", "forward": the words of the outputs.
struct Verdict {
  std::string_view kind;    // forward, return, dns, reply, kernel, drop
  std::string_view reason;  // empty for forward and return
  friend auto operator<=>(const Verdict&, const Verdict&) = default;
};

// What the data plane made of a packet.
struct Observed {
  Verdict verdict;
  uint32_t worker = 0;         // that came to the verdict
  size_t port = 0;             // where it was sent, or whose kernel side it went to
  std::optional<RealId> real;  // forward and return
  Bytes frame;                 // as it was left
};

// A fragmented datagram, as far as its first fragment has told.
struct Datagram {
  uint16_t source_port = 0, destination_port = 0;
  uint8_t protocol = 0;
  std::optional<uint32_t> id;  // that it has where it was translated
};

// What is known of a packet when it arrives: fragments are told apart before all else.
struct Admission {
  enum class Fate { kWhole, kFollows, kHeld, kOverlaps };
  Fate fate = Fate::kWhole;
  std::shared_ptr<Datagram> datagram{};
  size_t offset = 0;
  uint64_t deadline_ns = 0;  // kHeld
};

struct FlowKey {
  Socket client, vip;
  uint8_t protocol = 0;
  uint32_t flow_id = 0;  // a service that comes back is another one
  friend auto operator<=>(const FlowKey&, const FlowKey&) = default;
};

// What the snapshots' Maglev rows say of a flow.
struct RowReals {
  std::optional<RealId> now;     // none: no real takes new flows
  std::optional<RealId> before;  // of its row, before that last moved, as long as that counts
  bool may_move = false;         // before long, to what is coming, or has moved, as above
};
using Balancer = std::function<RowReals(const ServiceSpec&, const FlowKey&)>;

class ReferenceModel {
 public:
  ReferenceModel(const SnapshotSpec& spec, Balancer balancer);

  void publish(const SnapshotSpec& spec);
  // Nanoseconds on the data plane's clock; never goes back.
  void set_time(uint64_t ns);

  // To be told of each frame in the order of arrival, before any of its burst is judged.
  std::shared_ptr<Admission> admit(const Bytes& frame, uint8_t port);
  // Judges what became of a frame that came in by `port`, in the order in which they were dealt
  // with. Empty when all is right, else what must have been. One that is held is judged again in
  // the end.
  std::string judge(const Bytes& frame, uint8_t port, const Admission& admission,
                    const Observed& observed);

  // How often each verdict was right.
  const std::map<Verdict, uint64_t>& tally() const { return tally_; }

 private:
  enum class State { kClosing, kEmbryonic, kOneWay, kReplied, kEstablished };
  struct Flow {
    RealId real;
    Socket real_socket;
    Socket source;  // what the real sees; port 0: a SNAT port that was not seen yet
    Mode mode = Mode::kFullnat;
    uint32_t return_id = 0;  // `nat`: by which it is looked for when its real answers
    uint32_t service = 0;
    State state = State::kEmbryonic;
    bool return_seen = false, client_fin = false, real_fin = false;
    uint64_t deadline = 0;
    LinkHeader client_hop;  // destination and tag of what goes back
    uint8_t client_port = 0;
    uint32_t worker = 0;
  };
  // One of a service with affinity.
  struct Client {
    RealId real;
    uint64_t deadline = 0;
  };
  // What the real's packets show: real, what it answers to, protocol.
  struct ReturnKey {
    Socket real, source;
    uint8_t protocol = 0;
    friend auto operator<=>(const ReturnKey&, const ReturnKey&) = default;
  };
  enum class Role { kNobody, kVip, kSnat, kDns, kOwnKernel, kOwn };
  // What must have been.
  struct Expectation {
    std::string_view kind{};
    std::vector<std::string_view> reasons{};  // any one of them
    std::optional<size_t> port{};
    std::optional<RealId> real{};
    std::optional<WireOut> out{};
    std::string problem{};  // with what the data plane chose
  };
  struct In {
    const Bytes& frame;
    uint8_t port;
    const Wire& wire;
    const Observed& observed;
    Datagram* datagram = nullptr;  // of a fragment
  };
  // RFC 791 3.2; RFC 8200 4.5, where the protocol is no part of it.
  struct DatagramKey {
    IpAddress source, destination;
    uint32_t id = 0;
    uint8_t protocol = 0;
    friend auto operator<=>(const DatagramKey&, const DatagramKey&) = default;
  };
  struct DatagramState {
    std::shared_ptr<Datagram> known;  // null: the first fragment has not come
    size_t first_length = 0;
    uint64_t deadline_ns = 0;
    std::vector<std::shared_ptr<Admission>> waiting;
  };
  // What was answered lately by one worker, for one of the limits.
  struct Answers {
    std::deque<uint64_t> times;
  };

  Expectation judge_packet(const In& in);
  // The id that a translated fragment must have; 0 for a whole packet.
  static uint32_t id_of(const In& in);
  bool is_followed(const Wire& wire) const;
  Expectation judge_arp(const In& in);
  Expectation judge_icmp(const In& in);
  std::optional<Expectation> judge_error(const In& in);
  Expectation judge_error_to_real(const In& in, const QuotedPacket& quote,
                                  const ServiceSpec& service);
  Expectation judge_error_to_client(const In& in, const FlowKey& key);
  Expectation judge_unserved(const In& in);
  Expectation judge_transit(const In& in, DropReason otherwise);
  Expectation judge_vip(const In& in);
  Expectation judge_forward(const In& in, const ServiceSpec& service);
  Expectation judge_new_flow(const In& in, const ServiceSpec& service, const FlowKey& key);
  Expectation judge_direct(const In& in, const ServiceSpec& service);
  Expectation judge_new_direct_flow(const In& in, const ServiceSpec& service, const FlowKey& key);
  Expectation forwarded_directly(const In& in, const RealSpec& real) const;
  const RealSpec* real_before(const Wire& wire, const ServiceSpec& service,
                              const RowReals& rows) const;
  // What is wrong when real_now() finds none.
  static constexpr const char* kWrongRows =
      "the rows name a real that takes no new flows, or another service's";
  const RealSpec* real_now(const RowReals& rows, const ServiceSpec& taker) const;
  const RealSpec* client_real(const ServiceSpec& service, const Wire& wire) const;
  void keep_client(const ServiceSpec& service, const Wire& wire, RealId real);
  void note_client(const ServiceSpec& service, const Wire& wire);
  const RealSpec* named_real(const In& in, const ServiceSpec& service) const;
  Expectation judge_refusal(const In& in, const ServiceSpec& service,
                            DropReason reason = DropReason::kNoReal);
  bool is_full(const In& in, const ServiceSpec& service) const;
  Expectation judge_expired(const In& in, const IpAddress& vip);
  Expectation judge_snat(const In& in);
  Expectation judge_return(const In& in, const FlowKey& key);
  Expectation judge_dns(const In& in);

  Expectation drop(DropReason reason) const {
    return {.kind = "drop", .reasons = {to_string(reason)}};
  }
  static bool is_piece_of_question(const Wire& wire);
  static KernelReason own_class(const In& in);  // of what is for the gateway itself
  Expectation kernel(const In& in, KernelReason reason) const;
  Expectation reply(const In& in, ReplyKind kind, WireOut out) const;
  Expectation limited_reply(const In& in, ReplyKind kind, uint32_t per_second, WireOut out);
  Expectation forwarded(const In& in, Flow& flow, const ServiceSpec& service, const RealSpec& real);
  std::optional<std::string> learn_snat_port(const In& in, const ServiceSpec& service,
                                             const FlowKey& key, Flow& flow);
  void learn_from_return(const In& in);
  const FlowKey* unseen_flow_of(const Socket& real, uint8_t protocol) const;
  void learn_snat_port_of(FlowKey key, const Socket& real, const Socket& source);
  std::string compare(const In& in, const Expectation& expected) const;

  Role role_of(const IpAddress& address) const;
  bool is_answered(const IpAddress& address) const;
  bool is_nat_real(const Socket& socket, uint8_t protocol) const;
  // The `fullnat` flow that the real's packets to a SNAT port are of; null: none.
  const FlowKey* find_snat(const Socket& real, const Socket& source, uint8_t protocol) const;
  // The `nat` flow that the real's packets are of; null: none, or its real has another id by now.
  const FlowKey* find_return(const Socket& real, const Socket& source, uint8_t protocol) const;
  // Exact, then a range, then all ports, then the longest prefix; null: none.
  const ServiceSpec* find_service(const Socket& vip, uint8_t protocol) const;
  const RealSpec* find_real(RealId id) const;
  const ServiceSpec* taker_of(const ServiceSpec& service) const;
  uint64_t lifetime(const Flow& flow) const;
  void touch(Flow& flow) const;
  void set_state(Flow& flow, State state) const;
  void follow_client(Flow& flow, const Wire& wire) const;
  void follow_real(Flow& flow, const Wire& wire) const;
  void follow_client_alone(Flow& flow, const Wire& wire) const;
  void note_client_hop(Flow& flow, const In& in) const;
  Flow* live_flow(const FlowKey& key);
  void add(const FlowKey& key, Flow flow);
  void index(const FlowKey& key, const Flow& flow);
  void forget(const FlowKey& key);
  void forget_expired();

  SnapshotSpec spec_;
  Balancer balancer_;
  std::map<IpAddress, Role> roles_;
  std::map<uint32_t, uint64_t> expired_;                      // how many flows, by flow id
  std::map<std::pair<IpAddress, uint32_t>, Client> clients_;  // by address and flow id
  std::map<uint32_t, const ServiceSpec*> by_index_;
  std::map<uint32_t, const RealSpec*> reals_;  // by RealId::index()
  std::map<FlowKey, Flow> flows_;
  std::map<ReturnKey, FlowKey> by_return_;  // a SNAT port is one flow's, towards each real
  std::map<DatagramKey, DatagramState> datagrams_;
  std::map<std::pair<ReplyKind, uint32_t>, Answers> answers_;
  std::map<Verdict, uint64_t> tally_;
  uint64_t ns_ = 0;
  uint64_t now_ = 0;  // in quarter seconds, as the time-outs are
};

}  // namespace vipgate::test::model
