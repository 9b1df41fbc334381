// Whether traffic makes a real suspect: clients' SYNs that get no answer, connections that it
// resets. A suspicion is no verdict: it has the real checked at once.
#pragma once

#include <cstdint>
#include <vector>

#include "common/counters.h"
#include "common/snapshot.h"

namespace vipgate {

// Sampling more often than this gains nothing: PassiveHealth takes such samples as none.
inline constexpr int64_t kPassiveSampleMs = 1000;
// So many new connections, and no answer to any, until a sample after the one that saw them.
inline constexpr uint64_t kPassiveUnanswered = 5;
// So many resets within two samples, and more than half as many as new connections.
inline constexpr uint64_t kPassiveResets = 5;
// A real that is suspected over and over is one whose manner it is to reset connections: each
// suspicion doubles the time until the next, from the first to the last of these. Without a
// suspicion for twice the last of these, it begins anew.
inline constexpr int64_t kPassiveQuietMs = 2000;
inline constexpr int64_t kPassiveMaxQuietMs = 60'000;

// Of one real: what the last two samples saw. A value.
class PassiveWatch {
 public:
  // Takes the next sample. True: the real is suspect, now. The first sample is only the start.
  bool observe(const RealSignals& signals, int64_t now_ms);

 private:
  bool looks_bad(const RealSignals& fresh) const;

  RealSignals last_;
  RealSignals before_;  // what the sample before the present one gained
  int64_t sampled_ms_ = -1;
  int64_t suspected_ms_ = -1;
  int64_t quiet_ms_ = kPassiveQuietMs;
};

// Of all reals, by their ids. Owned and called by the control thread, for reals of TCP services
// (UDP ones owe nobody an answer), once per kPassiveSampleMs.
class PassiveHealth {
 public:
  // True: have the real checked now. An id whose index had another real before begins anew.
  bool observe(RealId real, const RealSignals& signals, int64_t now_ms);

  // Since the start, of reals with and without checks.
  uint64_t suspicions() const { return suspicions_; }

 private:
  struct Entry {
    RealId real;
    PassiveWatch watch;
  };

  std::vector<Entry> entries_;  // by index
  uint64_t suspicions_ = 0;
};

}  // namespace vipgate
