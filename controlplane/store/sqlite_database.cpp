#include "controlplane/store/sqlite_database.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <memory>
#include <system_error>

namespace vipgate {
namespace {

// PRAGMA user_version: raised whenever the meaning of the table changes.
constexpr int64_t kFormat = 1;
constexpr int kBusyTimeoutMs = 250;

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Statement prepare(sqlite3* db, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  return Statement(statement);
}

// The bytes are used before they change: they are not copied. An empty text has a pointer, too.
bool bind_bytes(sqlite3_stmt* statement, int index, std::string_view text) {
  const char* data = text.data() != nullptr ? text.data() : "";
  return sqlite3_bind_blob64(statement, index, data, text.size(), SQLITE_STATIC) == SQLITE_OK;
}

std::string column(sqlite3_stmt* statement, int index) {
  const void* data = sqlite3_column_blob(statement, index);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, index));
  return size == 0 ? std::string() : std::string(static_cast<const char*>(data), size);
}

const char* remedy(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "free some space on its disk";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return "make the file and its directory writable";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process has it open: give each gateway a file of its own";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "its content is damaged: the next start moves it aside";
    default:
      return "look at the disk";
  }
}

// The file and its directory, with nobody else's permissions: SQLite gives its side files the same.
Status make_file(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!directory.empty() && !std::filesystem::exists(directory, error)) {
    if (directory.has_parent_path()) {
      std::filesystem::create_directories(directory.parent_path(), error);
    }
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
      return Error{directory.string() +
                   " cannot be made: " + std::generic_category().message(errno) +
                   "; make it, or give another path in the key store"};
    }
  }
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return Error{path + " cannot be opened: " + std::generic_category().message(errno) +
                 "; make the file and its directory writable"};
  }
  ::close(fd);
  return Done{};
}

}  // namespace

Status SqliteDatabase::fail(const std::string& what) {
  const int code = db_ != nullptr ? sqlite3_extended_errcode(db_) : SQLITE_CANTOPEN;
  const std::string text = db_ != nullptr ? sqlite3_errmsg(db_) : "it is not open";
  const int kind = code & 0xff;
  unusable_ = kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
  return Error{path_ + ": " + what + ": " + text + "; " + remedy(code)};
}

Status SqliteDatabase::execute(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return fail(sql);
  return Done{};
}

Status SqliteDatabase::query_number(const char* sql, int64_t& number) {
  const Statement statement = prepare(db_, sql);
  if (!statement || sqlite3_step(statement.get()) != SQLITE_ROW) return fail(sql);
  number = sqlite3_column_int64(statement.get(), 0);
  return Done{};
}

Status SqliteDatabase::open() {
  if (db_ != nullptr) return Done{};
  Status opened = open_file();
  if (!opened && unusable_) {
    move_aside(opened.error());
    opened = open_file();
  }
  return opened;
}

Status SqliteDatabase::open_file() {
  unusable_ = false;
  if (Status made = make_file(path_); !made) return made;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path_.c_str(), &db_, kFlags, nullptr);
  Status done = code == SQLITE_OK ? set_up() : fail("it cannot be opened");
  if (!done) close();
  return done;
}

Status SqliteDatabase::set_up() {
  sqlite3_busy_timeout(db_, kBusyTimeoutMs);
  sqlite3_extended_result_codes(db_, 1);
  // Read first: writing to a file that is no database, or a newer one, would be the last it sees.
  if (Status good = check_format(); !good) return good;
  constexpr const char* kTable =
      "CREATE TABLE IF NOT EXISTS kv (space BLOB NOT NULL, key BLOB NOT NULL, "
      "value BLOB NOT NULL, PRIMARY KEY (space, key)) WITHOUT ROWID";
  for (const char* sql : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                          "PRAGMA journal_size_limit=67108864", kTable, "PRAGMA user_version=1"}) {
    static_assert(kFormat == 1, "the last statement sets it");
    if (Status done = execute(sql); !done) return done;
  }
  return Done{};
}

Status SqliteDatabase::check_format() {
  int64_t format = 0;
  if (Status done = query_number("PRAGMA user_version", format); !done) return done;
  if (format > kFormat) {
    unusable_ = true;
    return Error{path_ + ": its format is " + std::to_string(format) +
                 ", of a newer version; this one knows " + std::to_string(kFormat)};
  }
  const Statement statement = prepare(db_, "PRAGMA quick_check(1)");
  if (!statement || sqlite3_step(statement.get()) != SQLITE_ROW) return fail("quick_check");
  std::string answer = column(statement.get(), 0);
  std::replace(answer.begin(), answer.end(), '\n', ' ');
  if (answer == "ok") return Done{};
  unusable_ = true;
  return Error{path_ + ": its content is damaged: " + answer};
}

void SqliteDatabase::close() {
  sqlite3_close(db_);
  db_ = nullptr;
}

void SqliteDatabase::move_aside(const std::string& why) {
  close();
  const std::string aside = path_ + ".unusable-" + std::to_string(std::time(nullptr));
  std::error_code error;
  std::filesystem::rename(path_, aside, error);
  if (error) {
    spdlog::error("{}; it cannot be renamed: {}", why, error.message());
    return;
  }
  // What is in the log belongs to the old file and would be played into the new one.
  for (const char* suffix : {"-wal", "-shm"}) {
    std::filesystem::rename(path_ + suffix, aside + suffix, error);
  }
  spdlog::error("{}; it is now {}, and an empty state takes its place", why, aside);
}

Status SqliteDatabase::apply(const StoreRows& rows, const std::set<std::string>& erased) {
  if (Status opened = open(); !opened) return opened;
  if (Status begun = execute("BEGIN IMMEDIATE"); !begun) return begun;
  const auto undo = [&](Status failure) {
    // After some failures SQLite has already rolled back, and says so by an error.
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    return failure;
  };
  const Statement put = prepare(db_,
                                "INSERT INTO kv VALUES (?1, ?2, ?3) ON CONFLICT (space, key) DO "
                                "UPDATE SET value = excluded.value");
  const Statement remove = prepare(db_, "DELETE FROM kv WHERE space = ?1 AND key = ?2");
  const Statement erase = prepare(db_, "DELETE FROM kv WHERE space = ?1");
  if (!put || !remove || !erase) return undo(fail("prepare"));
  for (const std::string& space : erased) {
    const bool bound = bind_bytes(erase.get(), 1, space);
    if (!bound || sqlite3_step(erase.get()) != SQLITE_DONE)
      return undo(fail("it cannot be written"));
    sqlite3_reset(erase.get());
  }
  for (const auto& [name, value] : rows) {
    sqlite3_stmt* statement = value ? put.get() : remove.get();
    const bool bound = bind_bytes(statement, 1, name.first) &&
                       bind_bytes(statement, 2, name.second) &&
                       (!value || bind_bytes(statement, 3, *value));
    if (!bound || sqlite3_step(statement) != SQLITE_DONE) return undo(fail("it cannot be written"));
    sqlite3_reset(statement);
  }
  if (Status committed = execute("COMMIT"); !committed) return undo(committed);
  return Done{};
}

// From one space to the next by the index, past all of its rows.
Result<std::set<std::string>> SqliteDatabase::spaces() {
  if (Status opened = open(); !opened) return Error{opened.error()};
  std::set<std::string> found;
  const Statement next =
      prepare(db_, "SELECT space FROM kv WHERE space > ?1 ORDER BY space LIMIT 1");
  std::string last;
  while (next && bind_bytes(next.get(), 1, last)) {
    const int code = sqlite3_step(next.get());
    if (code == SQLITE_DONE) return found;
    if (code != SQLITE_ROW) break;
    std::string space = column(next.get(), 0);
    sqlite3_reset(next.get());
    last = std::move(space);
    found.insert(last);
  }
  return Error{fail("it cannot be read").error()};
}

namespace {

// SQLITE_DONE, or what stopped it.
int read_rows(sqlite3* db, std::string_view space, std::map<std::string, std::string>& rows) {
  const Statement statement =
      prepare(db, "SELECT key, value FROM kv WHERE space = ?1 ORDER BY key");
  if (!statement || !bind_bytes(statement.get(), 1, space)) return sqlite3_errcode(db);
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    rows.emplace_hint(rows.end(), column(statement.get(), 0), column(statement.get(), 1));
  }
  return code;
}

}  // namespace

Result<std::map<std::string, std::string>> SqliteDatabase::load(std::string_view space) {
  if (Status opened = open(); !opened) return load_unwritable(space, opened.error());
  std::map<std::string, std::string> rows;
  if (read_rows(db_, space, rows) == SQLITE_DONE) return rows;
  return Error{fail("it cannot be read").error()};
}

Result<std::map<std::string, std::string>> SqliteDatabase::load_unwritable(
    std::string_view space, const std::string& problem) {
  // The main file alone is the whole truth only when nothing waits in the log.
  std::error_code error;
  const auto waiting = std::filesystem::file_size(path_ + "-wal", error);
  if (!error && waiting > 0) return Error{problem};
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path_, error).string()) {
    if (c == '%' || c == '?' || c == '#') {
      constexpr const char* kHex = "0123456789abcdef";
      uri += {'%', kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]};
    } else {
      uri += c;
    }
  }
  sqlite3* db = nullptr;
  constexpr int kFlags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
  std::map<std::string, std::string> rows;
  int code = sqlite3_open_v2((uri + "?immutable=1").c_str(), &db, kFlags, nullptr);
  if (code == SQLITE_OK) code = read_rows(db, space, rows);
  sqlite3_close(db);
  if (code != SQLITE_DONE) return Error{problem};
  return rows;
}

}  // namespace vipgate
