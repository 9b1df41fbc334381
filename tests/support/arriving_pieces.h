// A document as it arrives: piece by piece.
#pragma once

#include <string>
#include <string_view>

#include "controlplane/mesos/arriving_state.h"

namespace vipgate::test {

// `piece` octets of the document at a time; ends with `finish`. What lies behind an octet that is
// there is no zero, so that a reader who goes too far sees something.
template <class T>
T read_in_pieces(ArrivingState::Form form, T (ArrivingState::*finish)(PaddedJson),
                 std::string_view json, size_t piece) {
  MesosParser parser;
  ArrivingState reader(parser, form, json.size());
  std::string begun;
  for (size_t at = 0;; at += piece) {
    begun += json.substr(at, piece);
    const std::string text = begun + std::string(PaddedJson::kPadding, '"');
    const PaddedJson part{std::string_view(text).substr(0, begun.size())};
    if (at + piece >= json.size()) return (reader.*finish)(part);
    begun.erase(0, reader.take(part));
  }
}

inline Result<MesosEvent> read_event_in_pieces(std::string_view json, size_t piece) {
  return read_in_pieces(ArrivingState::Form::kEvent, &ArrivingState::finish_event, json, piece);
}

inline Result<MesosState> read_answer_in_pieces(std::string_view json, size_t piece) {
  return read_in_pieces(ArrivingState::Form::kAnswer, &ArrivingState::finish_answer, json, piece);
}

}  // namespace vipgate::test
