// A library to be preloaded: ends the program by SIGKILL at a call of its own that changes a file
// whose path begins with $KILL_AT_PATH. $KILL_AT counts these calls from 1, "N before", "N after" or
// "N torn": a write of which only the first half is done.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static long kill_at;
static char how[16];
static const char* path_begin;
static atomic_long calls;

__attribute__((constructor)) static void read_settings(void) {
  const char* at = getenv("KILL_AT");
  path_begin = getenv("KILL_AT_PATH");
  if (at == NULL || path_begin == NULL || sscanf(at, "%ld %15s", &kill_at, how) != 2) abort();
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// Whether this call is the one.
static int is_due(const char* path) {
  if (strncmp(path, path_begin, strlen(path_begin)) != 0) return 0;
  if (atomic_fetch_add(&calls, 1) + 1 != kill_at) return 0;
  if (strcmp(how, "before") == 0) die();
  return 1;
}

static int is_due_of(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return is_due(path);
}

// `result`: of the call, which `is_last` says to be the last one.
static long ended(int is_last, long result) {
  if (is_last) die();
  return result;
}

#define REAL(name, type) type real = (type)dlsym(RTLD_NEXT, name)
typedef ssize_t (*Pwrite)(int, const void*, size_t, off64_t);
typedef ssize_t (*Write)(int, const void*, size_t);
typedef int (*OfFile)(int);
typedef int (*Truncate)(int, off64_t);
typedef int (*OfPath)(const char*);

static size_t torn(int is_last, size_t length) {
  return is_last && strcmp(how, "torn") == 0 ? length / 2 : length;
}

ssize_t pwrite64(int fd, const void* data, size_t length, off64_t offset) {
  REAL("pwrite64", Pwrite);
  const int is_last = is_due_of(fd);
  return ended(is_last, real(fd, data, torn(is_last, length), offset));
}

ssize_t pwrite(int fd, const void* data, size_t length, off_t offset) {
  return pwrite64(fd, data, length, offset);
}

ssize_t write(int fd, const void* data, size_t length) {
  REAL("write", Write);
  const int is_last = is_due_of(fd);
  return ended(is_last, real(fd, data, torn(is_last, length)));
}

int fsync(int fd) {
  REAL("fsync", OfFile);
  const int is_last = is_due_of(fd);
  return (int)ended(is_last, real(fd));
}

int fdatasync(int fd) {
  REAL("fdatasync", OfFile);
  const int is_last = is_due_of(fd);
  return (int)ended(is_last, real(fd));
}

int ftruncate64(int fd, off64_t length) {
  REAL("ftruncate64", Truncate);
  const int is_last = is_due_of(fd);
  return (int)ended(is_last, real(fd, length));
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int unlink(const char* path) {
  REAL("unlink", OfPath);
  const int is_last = is_due(path);
  return (int)ended(is_last, real(path));
}
