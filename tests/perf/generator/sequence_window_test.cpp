#include "perf/generator/sequence_window.h"

#include <gtest/gtest.h>

namespace vipgate::sequence_window_test {
namespace {

using generator::Arrival;
using generator::SequenceWindow;

TEST(SequenceWindow, WhatIsOvertakenIsLateOnceAndThenADuplicate) {
  SequenceWindow window;
  EXPECT_EQ(window.arrive(0), Arrival::kInOrder);
  EXPECT_EQ(window.arrive(3), Arrival::kInOrder);
  EXPECT_EQ(window.arrive(1), Arrival::kLate);
  EXPECT_EQ(window.arrive(1), Arrival::kDuplicate);
  EXPECT_EQ(window.arrive(3), Arrival::kDuplicate);
  EXPECT_EQ(window.arrive(2), Arrival::kLate);
  EXPECT_EQ(window.arrive(4), Arrival::kInOrder);
  EXPECT_EQ(window.next(), 5u);
}

TEST(SequenceWindow, TheFirstPacketMayBeAnyOne) {
  SequenceWindow window;
  EXPECT_EQ(window.arrive(1000), Arrival::kInOrder);
  EXPECT_EQ(window.arrive(937), Arrival::kLate);
  EXPECT_EQ(window.arrive(936), Arrival::kTooLate);
}

TEST(SequenceWindow, AJumpOfTheWholeWindowForgetsWhatCameBefore) {
  SequenceWindow window;
  EXPECT_EQ(window.arrive(0), Arrival::kInOrder);
  EXPECT_EQ(window.arrive(SequenceWindow::kKept), Arrival::kInOrder);
  EXPECT_EQ(window.arrive(1), Arrival::kLate);
  EXPECT_EQ(window.arrive(0), Arrival::kTooLate);
  EXPECT_EQ(window.arrive(SequenceWindow::kKept + 63), Arrival::kInOrder);
  EXPECT_EQ(window.arrive(SequenceWindow::kKept), Arrival::kDuplicate) << "the oldest that is kept";
}

}  // namespace
}  // namespace vipgate::sequence_window_test
