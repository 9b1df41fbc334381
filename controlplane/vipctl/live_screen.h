// A terminal on which a page is drawn over and over, and which is as before when that ends.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace vipgate {

// One at a time in a process, on standard input and output; called by one thread. What ends the
// process in the meantime by SIGINT, SIGTERM, SIGHUP or SIGQUIT gives the terminal back first, as
// SIGTSTP does for as long as it stands. Lines are not echoed, so that keys disturb nothing.
class LiveScreen {
 public:
  LiveScreen();
  ~LiveScreen();
  LiveScreen(const LiveScreen&) = delete;
  LiveScreen& operator=(const LiveScreen&) = delete;

  // Whether standard output is a terminal.
  static bool is_possible();

  // In place of what was drawn before, as much of it as the terminal has room for.
  void draw(const std::string& page);
  // Until the time is over; the page is drawn anew when the terminal's size changes. False: the
  // user has had enough (q).
  bool wait_until(std::chrono::steady_clock::time_point end);

 private:
  void redraw() const;
  std::string page_;
};

}  // namespace vipgate
