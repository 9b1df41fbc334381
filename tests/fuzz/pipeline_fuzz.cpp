// libFuzzer target: octets as a story of frames, time and changes, told to a whole gateway.
//
// One octet says what is next, in its three low bits, and how:
//   0 to 3  a frame: its length in two octets, then itself. Bit 0: the port; bit 3: its lengths and
//           checksums are mended; bit 4: the buffer has no room to spare; bit 5: the worker.
//   4       a real's answer to a translated packet: which one, TCP flags (of SCTP: the first
//   chunk's
//           type), TTL. Bits 4, 5 as above.
//   5       the burst ends; or, with bit 3, a resolver's answer to a question: which one, the lower
//           octet of its flags, how many records each section has, two bits each, from the lowest
//           on, then the length of the records in an octet, and themselves. Bit 4: TC.
//   6       time passes: quarters of a second, or of a minute with bit 3.
//   7       another snapshot: which one.
#include <algorithm>
#include <cstdint>
#include <span>

#include "tests/fuzz/pipeline_frames.h"
#include "tests/fuzz/pipeline_world.h"

namespace vipgate::test {
namespace {

class Story {
 public:
  explicit Story(std::span<const uint8_t> rest) : rest_(rest) {}
  bool is_over() const { return rest_.empty(); }
  uint8_t octet() {
    if (rest_.empty()) return 0;
    const uint8_t value = rest_[0];
    rest_ = rest_.subspan(1);
    return value;
  }
  Bytes frame() {
    const size_t high = octet();
    return take((high << 8 | octet()) % 2000);
  }
  Bytes records() { return take(octet()); }

 private:
  Bytes take(size_t length) {
    const size_t wanted = std::min(length, rest_.size());
    const Bytes taken(rest_.begin(), rest_.begin() + static_cast<long>(wanted));
    rest_ = rest_.subspan(wanted);
    return taken;
  }

  std::span<const uint8_t> rest_;
};

void tell(std::span<const uint8_t> octets) {
  FuzzWorld world;
  for (Story story(octets); !story.is_over();) {
    const uint8_t step = story.octet();
    const bool tight = (step & 16) != 0;
    const uint32_t worker = step >> 5 & 1;
    switch (step & 7) {
      case 4: {
        const uint8_t number = story.octet(), flags = story.octet(), ttl = story.octet();
        Bytes frame = world.answer_to(number, flags, ttl);
        if (!frame.empty()) world.receive(std::move(frame), 1, worker, tight);
        break;
      }
      case 5: {
        world.end_burst();
        if ((step & 8) == 0) break;
        const uint8_t number = story.octet(), flags = story.octet(), counts = story.octet();
        Bytes frame = world.resolver_answer(number, flags, tight, counts, story.records());
        if (!frame.empty()) world.receive(std::move(frame), 1, worker, false);
        break;
      }
      case 6:
        world.pass_quarters(story.octet() * ((step & 8) != 0 ? 60u : 1u));
        break;
      case 7:
        world.set_snapshot(story.octet() % FuzzWorld::kSnapshots);
        break;
      default: {
        Bytes frame = story.frame();
        if ((step & 8) != 0) mend(frame);
        world.receive(std::move(frame), step & 1, worker, tight);
      }
    }
  }
  world.end_burst();
  world.end();
}

}  // namespace
}  // namespace vipgate::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vipgate::test::tell({data, size});
  return 0;
}
