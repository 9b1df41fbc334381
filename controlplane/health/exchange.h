// What is said in one check and what the answer means: bytes in, bytes out, no socket and no clock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"
#include "controlplane/config/config.h"
#include "controlplane/health/check_plan.h"
#include "controlplane/model/model.h"

namespace vipgate {

struct CheckVerdict {
  CheckOutcome outcome = CheckOutcome::kNoVerdict;
  std::string why;  // "status 503"
};

inline CheckVerdict alive(std::string why) { return {CheckOutcome::kAlive, std::move(why)}; }
inline CheckVerdict failed(std::string why) { return {CheckOutcome::kFailed, std::move(why)}; }

// One question and its answer. Made for one check, used by the health checker's thread. Every
// implementation bounds what it keeps and how much it takes in before it comes to a verdict.
class Exchange {
 public:
  Exchange() = default;
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // What is to be sent next; grows with what is received.
  [[nodiscard]] std::string_view output() const { return std::string_view(output_).substr(sent_); }
  void sent(size_t bytes) { sent_ += bytes; }

  // Takes in what came: any part of a stream, or one datagram. Nothing: more is needed.
  virtual std::optional<CheckVerdict> receive(std::span<const uint8_t> bytes) = 0;

  enum class Rest : uint8_t {
    kNone,      // the answer is complete, and no byte more has come
    kMore,      // the answer goes on
    kUnusable,  // the connection is not fit for another question
  };
  // After a verdict: takes in what came since, perhaps nothing, and tells what is left to come.
  virtual Rest take_rest(std::span<const uint8_t> /*bytes*/) { return Rest::kUnusable; }

 protected:
  std::string output_;

 private:
  size_t sent_ = 0;
};

// Whether the check's question can be written at all: the configuration may come from a label.
// Null without an error: no word is spoken, a connection is the answer (`tcp`).
// `id` is what a DNS answer must repeat. `keep`: whether another question is to follow on the same
// connection, if the kind knows how.
// REQUIRES: config.type is not kNone.
Result<std::unique_ptr<Exchange>> make_exchange(const RealKey& real, const HealthConfig& config,
                                                uint16_t id, bool keep = false);

// For make_exchange(), and for tests of one kind alone.
Result<std::unique_ptr<Exchange>> make_http_exchange(const RealKey& real,
                                                     const HealthConfig& config, bool keep);
Result<std::unique_ptr<Exchange>> make_dns_exchange(const HealthConfig& config, uint16_t id);
Result<std::unique_ptr<Exchange>> make_grpc_exchange(const RealKey& real,
                                                     const HealthConfig& config);

// What goes into a request line or a header without changing its shape: visible ASCII, not too
// long.
bool is_plain_token(std::string_view text, size_t max_length);

}  // namespace vipgate
