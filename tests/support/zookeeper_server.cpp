#include "tests/support/zookeeper_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "controlplane/file_descriptor.h"

namespace vipgate::test {
namespace {

constexpr const char* kJar = "/usr/share/java/zookeeper.jar";
constexpr const char* kClassPath = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar";
constexpr auto kPatience = std::chrono::seconds(60);
// It binds its port before it serves; this is in its log once it does.
constexpr std::string_view kReady = "ContainerManager";

class Connection {
 public:
  explicit Connection(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{0, 500000};  // with a server that is paused
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool send(const std::string& bytes) {
    return open_ && ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                        static_cast<ssize_t>(bytes.size());
  }
  // Up to `most` bytes, or what came before the end.
  std::string receive(size_t most) {
    std::string all;
    std::array<char, 4096> block{};
    while (open_ && all.size() < most) {
      const ssize_t count = ::recv(fd_, block.data(), std::min(block.size(), most - all.size()), 0);
      if (count <= 0) break;
      all.append(block.data(), static_cast<size_t>(count));
    }
    return all;
  }

 private:
  int fd_;
  bool open_ = false;
};

uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  return bound ? ntohs(address.sin_port) : 0;
}

template <class T>
void append_big_endian(std::string& out, T value) {
  for (size_t i = sizeof(T); i-- > 0;) {
    out += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
}

// A session's password is a function of its id: ZooKeeperServer.generatePasswd(), which takes the
// bytes of a java.util.Random.
std::string password_of(uint64_t session) {
  constexpr uint64_t kMask = (uint64_t{1} << 48) - 1;
  constexpr uint64_t kSuperSecret = 0xb3415c00;
  uint64_t seed = ((session ^ kSuperSecret) ^ 0x5deece66d) & kMask;
  std::string password;
  while (password.size() < 16) {
    seed = (seed * 0x5deece66d + 0xb) & kMask;
    const auto word = static_cast<uint32_t>(seed >> 16);
    for (int i = 0; i < 4; ++i) password += static_cast<char>(word >> (8 * i));
  }
  return password;
}

// Takes the session over and closes it. True: the server had it.
bool close_session(uint16_t port, uint64_t session) {
  std::string connect;
  append_big_endian(connect, uint32_t{0});      // protocol version
  append_big_endian(connect, uint64_t{0});      // last transaction seen
  append_big_endian(connect, uint32_t{10000});  // time-out in ms
  append_big_endian(connect, session);
  append_big_endian(connect, uint32_t{16});
  connect += password_of(session);
  connect += '\0';  // not read-only
  // Both in one segment: the client has no time to take its session back in between.
  std::string requests;
  append_big_endian(requests, static_cast<uint32_t>(connect.size()));
  requests += connect;
  append_big_endian(requests, uint32_t{8});
  append_big_endian(requests, uint32_t{1});
  append_big_endian(requests, static_cast<uint32_t>(-11));  // closeSession
  Connection connection(port);
  if (!connection.send(requests)) return false;
  constexpr size_t kAnswerSize = 4 + 37;
  const std::string answer = connection.receive(kAnswerSize);
  // Behind length, version and time-out stands the session, 0 when it was refused.
  if (answer.size() < kAnswerSize || answer.substr(12, 8) == std::string(8, '\0')) return false;
  return !connection.receive(4 + 16).empty();
}

// The log from `offset` on.
std::string text_of(const std::string& log, size_t offset) {
  std::ifstream file(log);
  file.seekg(static_cast<std::streamoff>(offset));
  return {std::istreambuf_iterator<char>(file), {}};
}

// Waits until the log says so behind `offset`. False: the process has ended, or it takes too long.
bool logs_in_time(pid_t process, const std::string& log, size_t offset, std::string_view mark) {
  const FileDescriptor changes(inotify_init1(IN_CLOEXEC));
  // The C library's function of that name cannot be linked from C++ before glibc 2.37.
  const FileDescriptor end(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  inotify_add_watch(changes.get(), log.c_str(), IN_MODIFY);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    if (text_of(log, offset).find(mark) != std::string::npos) return true;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    std::array<pollfd, 2> events = {pollfd{changes.get(), POLLIN, 0}, {end.get(), POLLIN, 0}};
    if (left.count() <= 0 ||
        ::poll(events.data(), events.size(), static_cast<int>(left.count())) < 0 ||
        events[1].revents != 0) {
      return false;
    }
    std::array<char, 4096> notes;
    if (events[0].revents != 0 && ::read(changes.get(), notes.data(), notes.size()) < 0) {
      return false;
    }
  }
}

}  // namespace

Status ZookeeperServer::available() {
  if (::access(kJar, R_OK) != 0) {
    return Error{std::string(kJar) + " is not here; install libzookeeper-java"};
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment.
  const char* path = getenv("PATH");
  std::string folders = path == nullptr ? "" : path;
  for (size_t begin = 0; begin < folders.size();) {
    const size_t end = std::min(folders.find(':', begin), folders.size());
    if (::access((folders.substr(begin, end - begin) + "/java").c_str(), X_OK) == 0) return Done{};
    begin = end + 1;
  }
  return Error{"there is no java in PATH; install default-jre-headless"};
}

Result<std::unique_ptr<ZookeeperServer>> ZookeeperServer::create() {
  Status here = available();
  if (!here) return Error{here.error()};
  std::string directory = std::filesystem::temp_directory_path() / "vipgate_zookeeper.XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) {
    return Error{directory + " cannot be made: " + std::strerror(errno)};
  }
  // Another process may take the port before the server does.
  Status started = Error{"no free port"};
  for (int i = 0; i < 3 && !started; ++i) {
    std::unique_ptr<ZookeeperServer> server(new ZookeeperServer(directory, free_port()));
    started = server->start();
    if (started) return server;
    std::filesystem::create_directories(directory);
  }
  return Error{started.error()};
}

ZookeeperServer::ZookeeperServer(std::string directory, uint16_t port)
    : directory_(std::move(directory)), port_(port) {}

ZookeeperServer::~ZookeeperServer() {
  stop();
  std::error_code ignored;  // a directory that stays in /tmp harms nobody
  std::filesystem::remove_all(directory_, ignored);
}

Status ZookeeperServer::start() {
  if (process_ > 0) return Done{};
  const std::string file = directory_ + "/zoo.cfg";
  const std::string log = directory_ + "/log";
  std::ofstream(file) << "tickTime=500\ndataDir=" << directory_ << "/data\nclientPort=" << port_
                      << "\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n"
                      << "4lw.commands.whitelist=*\nmaxClientCnxns=0\n";
  const std::array<const char*, 9> arguments = {"java",
                                                "-Xmx96m",
                                                "-XX:TieredStopAtLevel=1",
                                                "-XX:+UseSerialGC",
                                                "-cp",
                                                kClassPath,
                                                "org.apache.zookeeper.server.ZooKeeperServerMain",
                                                file.c_str(),
                                                nullptr};
  const FileDescriptor out(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const auto offset = static_cast<size_t>(std::max<off_t>(::lseek(out.get(), 0, SEEK_END), 0));
  const pid_t child = ::fork();
  if (child < 0) return Error{std::string("fork: ") + std::strerror(errno)};
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(out.get(), STDOUT_FILENO);
    ::dup2(out.get(), STDERR_FILENO);
    ::execvp("java", const_cast<char**>(arguments.data()));
    _exit(127);
  }
  process_ = child;
  if (logs_in_time(process_, log, offset, kReady)) return Done{};
  stop();
  std::string said = text_of(log, offset);
  while (said.ends_with('\n')) said.pop_back();
  return Error{"ZooKeeper did not start; its log ends with: " + said.substr(said.rfind('\n') + 1)};
}

void ZookeeperServer::stop() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void ZookeeperServer::pause() {
  if (process_ > 0) ::kill(process_, SIGSTOP);
}

void ZookeeperServer::resume() {
  if (process_ > 0) ::kill(process_, SIGCONT);
}

std::string ZookeeperServer::ask(const std::string& word) const {
  Connection connection(port_);
  return connection.send(word) ? connection.receive(1u << 20) : "";
}

size_t ZookeeperServer::expire_sessions() {
  // A client that is quick takes its session back before it is closed: then again.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  size_t count = 0;
  while (count == 0 && std::chrono::steady_clock::now() < deadline) count = close_sessions();
  return count;
}

size_t ZookeeperServer::close_sessions() {
  size_t count = 0;
  const std::string connections = ask("cons");
  constexpr std::string_view kMark = "sid=0x";
  for (size_t at = connections.find(kMark); at != std::string::npos;
       at = connections.find(kMark, at + 1)) {
    const uint64_t session = std::strtoull(connections.c_str() + at + kMark.size(), nullptr, 16);
    if (session != 0 && close_session(port_, session)) ++count;
  }
  return count;
}

}  // namespace vipgate::test
