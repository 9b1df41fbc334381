// The model's QUIC connection ids that name a real (katran's layouts).
#include <algorithm>

#include "tests/support/model/reference_model.h"

namespace vipgate::test::model {
namespace {

// 0: none.
uint32_t quic_id(const Bytes& frame, const Wire& wire) {
  if (wire.is_later) return 0;
  const size_t from = wire.l4 + 8;
  const size_t end = std::min<size_t>(wire.end, wire.l4 + get16(frame, wire.l4 + 4));
  size_t at = from + 1;
  if (from < end && (frame[from] & 0x80) != 0) {
    if (from + 6 > end || frame[from + 5] < 8) return 0;
    const uint32_t version = get32(frame, from + 1);
    const int type = frame[from] >> 4 & 3;
    if (version == 0 || type < (version == 0x6b3343cf ? 3 : 2)) return 0;
    at = from + 6;
  }
  if (at + 8 > end) return 0;
  const uint32_t first = get32(frame, at);
  switch (first >> 30) {
    case 1:
      return first >> 14 & 0xffff;
    case 2:
      return first & 0xffffff;
    case 3:
      return get32(frame, at + 1);
    default:
      return 0;
  }
}

}  // namespace

// The live real that the packet names; null: none.
const RealSpec* ReferenceModel::named_real(const In& in, const ServiceSpec& service) const {
  if (!service.is_quic) return nullptr;
  const uint32_t id = quic_id(in.frame, in.wire);
  if (id == 0) return nullptr;
  for (const RealSpec& real : service.reals) {
    if (real.quic_id == id && real.state != RealState::kDown) return &real;
  }
  return nullptr;
}

}  // namespace vipgate::test::model
