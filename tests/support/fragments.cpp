#include "tests/support/fragments.h"

#include <algorithm>
#include <stdexcept>

#include "tests/support/packet_bytes.h"

namespace vipgate::test {
namespace {

size_t l3_of(const Bytes& frame) { return frame.at(12) == 0x81 && frame.at(13) == 0 ? 18 : 14; }
bool is_v4(const Bytes& frame) { return frame.at(l3_of(frame)) >> 4 == 4; }
unsigned get16(const Bytes& frame, size_t at) { return frame.at(at) * 256u + frame.at(at + 1); }
void expect(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

void set_header_checksum(Bytes& frame) {
  const size_t l3 = l3_of(frame);
  const size_t header = (frame[l3] & 15) * 4u;
  store16(frame, l3 + 10, 0);
  store16(frame, l3 + 10, reference_checksum(std::span(frame).subspan(l3, header)));
}

// Where the part of the datagram begins that is a fragment's own, and where in the datagram it
// lies.
size_t data_of(const Bytes& frame) {
  const size_t l3 = l3_of(frame);
  if (is_v4(frame)) return l3 + (frame[l3] & 15) * 4u;
  expect(frame[l3 + 6] == 44, "there is no fragment header");
  return l3 + 48;
}
size_t offset_of(const Bytes& frame) {
  const size_t l3 = l3_of(frame);
  return is_v4(frame) ? (get16(frame, l3 + 6) & 0x1fff) * 8 : get16(frame, l3 + 42) & 0xfff8;
}
bool has_more(const Bytes& frame) {
  const size_t l3 = l3_of(frame);
  return is_v4(frame) ? (get16(frame, l3 + 6) & 0x2000) != 0 : (get16(frame, l3 + 42) & 1) != 0;
}

}  // namespace

std::vector<Bytes> fragmented(const Bytes& frame, size_t part, uint32_t id) {
  const size_t l3 = l3_of(frame);
  const bool v4 = is_v4(frame);
  const size_t start = v4 ? l3 + (frame[l3] & 15) * 4u : l3 + 40;
  std::vector<Bytes> fragments;
  for (size_t at = start; at < frame.size(); at += part) {
    const size_t end = std::min(at + part, frame.size());
    const bool more = end < frame.size();
    Bytes piece(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(start));
    if (v4) {
      store16(piece, l3 + 2, static_cast<uint16_t>(start - l3 + end - at));
      store16(piece, l3 + 4, static_cast<uint16_t>(id));
      store16(piece, l3 + 6, static_cast<uint16_t>((more ? 0x2000u : 0) | (at - start) / 8));
      set_header_checksum(piece);
    } else {
      store16(piece, l3 + 4, static_cast<uint16_t>(8 + end - at));
      put8(piece, frame[l3 + 6]);
      piece[l3 + 6] = 44;
      put8(piece, 0);
      put16(piece, static_cast<unsigned>((at - start) | (more ? 1u : 0)));
      put32(piece, id);
    }
    put(piece, std::span(frame).subspan(at, end - at));
    fragments.push_back(std::move(piece));
  }
  return fragments;
}

Bytes reassembled(std::vector<Bytes> fragments) {
  std::sort(fragments.begin(), fragments.end(),
            [](const Bytes& a, const Bytes& b) { return offset_of(a) < offset_of(b); });
  const Bytes& first = fragments.at(0);
  const size_t l3 = l3_of(first);
  Bytes whole(first.begin(), first.begin() + static_cast<ptrdiff_t>(data_of(first)));
  size_t length = 0;
  for (const Bytes& fragment : fragments) {
    expect(offset_of(fragment) == length, "fragments are missing or overlap");
    expect(fragment_id(fragment) == fragment_id(first), "fragments have several ids");
    expect(has_more(fragment) == (&fragment != &fragments.back()), "the last one is not the last");
    expect(checksums_ok(fragment), "a header checksum is wrong");
    const auto data = std::span(fragment).subspan(data_of(fragment));
    length += data.size();
    put(whole, data);
  }
  if (is_v4(whole)) {
    store16(whole, l3 + 2, static_cast<uint16_t>(data_of(first) - l3 + length));
    store16(whole, l3 + 4, 0);
    store16(whole, l3 + 6, 0);
    set_header_checksum(whole);
  } else {
    store16(whole, l3 + 4, static_cast<uint16_t>(length));
    whole[l3 + 6] = whole[l3 + 40];
    whole.erase(whole.begin() + static_cast<ptrdiff_t>(l3 + 40),
                whole.begin() + static_cast<ptrdiff_t>(l3 + 48));
  }
  return whole;
}

uint32_t fragment_id(const Bytes& frame) {
  const size_t l3 = l3_of(frame);
  return is_v4(frame) ? get16(frame, l3 + 4)
                      : static_cast<uint32_t>(get16(frame, l3 + 44)) << 16 | get16(frame, l3 + 46);
}

}  // namespace vipgate::test
