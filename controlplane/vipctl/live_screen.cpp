#include "controlplane/vipctl/live_screen.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "controlplane/vipctl/top_view.h"

namespace vipgate {
namespace {

// The other screen, without a cursor, and back (xterm's private modes 1049 and 25).
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";
constexpr int kEndings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

// What signal handlers need; they call nothing that is not async-signal-safe (signal-safety(7)).
termios before_us;
bool has_keyboard = false;
pthread_t drawing_thread;
int wake_pipe[2] = {-1, -1};

void write_raw(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // the terminal has gone: nothing is left to restore
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void enter_screen() {
  if (has_keyboard) {
    termios quiet = before_us;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
  }
  write_raw(kEnter);
}

void leave_screen() {
  write_raw(kLeave);
  if (has_keyboard) tcsetattr(STDIN_FILENO, TCSANOW, &before_us);
}

// What another thread got is for the one that draws: nothing is drawn when the screen is left.
bool is_passed_on(int number) {
  if (pthread_equal(pthread_self(), drawing_thread) != 0) return false;
  return pthread_kill(drawing_thread, number) == 0;
}

// Ctrl-C is how one ends it: no failure.
void end_by_signal(int number) {
  if (is_passed_on(number)) return;
  leave_screen();
  if (number == SIGINT) _exit(0);
  signal(number, SIG_DFL);
  raise(number);
}

void wake() {
  const char octet = 0;
  // A full pipe wakes, too.
  if (write(wake_pipe[1], &octet, 1) < 0) return;
}

void stop_for_a_while(int number) {
  if (is_passed_on(number)) return;
  const int saved = errno;
  leave_screen();
  raise(SIGSTOP);
  enter_screen();  // somebody has sent SIGCONT
  wake();
  errno = saved;
}

void note_resize(int) {
  const int saved = errno;
  wake();
  errno = saved;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigfillset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

}  // namespace

bool LiveScreen::is_possible() { return isatty(STDOUT_FILENO) != 0; }

LiveScreen::LiveScreen() {
  drawing_thread = pthread_self();
  has_keyboard = isatty(STDIN_FILENO) != 0 && tcgetattr(STDIN_FILENO, &before_us) == 0;
  // Without the pipe a change of size shows with the next page.
  if (pipe2(wake_pipe, O_NONBLOCK | O_CLOEXEC) != 0) wake_pipe[0] = wake_pipe[1] = -1;
  for (const int number : kEndings) handle(number, end_by_signal);
  handle(SIGTSTP, stop_for_a_while);
  handle(SIGWINCH, note_resize);
  enter_screen();
}

LiveScreen::~LiveScreen() {
  leave_screen();
  for (const int number : kEndings) signal(number, SIG_DFL);
  signal(SIGTSTP, SIG_DFL);
  signal(SIGWINCH, SIG_DFL);
  for (int& end : wake_pipe) {
    if (end >= 0) close(end);
    end = -1;
  }
}

void LiveScreen::redraw() const {
  winsize size{};
  constexpr unsigned short kUsualRows = 24, kUsualColumns = 80;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
    size.ws_row = kUsualRows;
    size.ws_col = kUsualColumns;
  }
  // A line below the last one would scroll.
  const std::string page = fitted(page_, size.ws_col, size.ws_row - 1U);
  std::string drawn = "\x1b[H";
  for (const char c : page) {
    if (c == '\n') drawn += "\x1b[K";  // what was there behind it
    drawn += c;
  }
  write_raw(drawn + "\x1b[J");
}

void LiveScreen::draw(const std::string& page) {
  page_ = page;
  redraw();
}

bool LiveScreen::wait_until(std::chrono::steady_clock::time_point end) {
  using std::chrono::milliseconds;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
    if (left <= milliseconds(0)) return true;
    pollfd sources[] = {{wake_pipe[0], POLLIN, 0}, {has_keyboard ? STDIN_FILENO : -1, POLLIN, 0}};
    if (poll(sources, std::size(sources), static_cast<int>(left.count())) <= 0) continue;
    char octets[64];
    if (sources[0].revents != 0) {
      while (read(wake_pipe[0], octets, sizeof octets) > 0) {
      }
      redraw();
    }
    if (sources[1].revents == 0) continue;
    const ssize_t length = read(STDIN_FILENO, octets, sizeof octets);
    if (length <= 0) {
      has_keyboard = false;  // nobody types any more
    } else if (std::memchr(octets, 'q', static_cast<size_t>(length)) != nullptr) {
      return false;
    }
  }
}

}  // namespace vipgate
