// Keys and values in one SQLite file. The only door to SQLite.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "common/result.h"
#include "controlplane/store/state_store.h"

struct sqlite3;

namespace vipgate {

// (space, key) → the value, or nothing for a key that goes.
using StoreRows = std::map<std::pair<std::string, std::string>, std::optional<std::string>>;

// One user at a time. Opens the file when it is first needed and again after a failure that closed
// it, so that it may be made before the disk is there.
class SqliteDatabase {
 public:
  // The directory is made if it is missing, for this user alone.
  explicit SqliteDatabase(std::string path) : path_(std::move(path)) {}
  ~SqliteDatabase() { close(); }
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  // A file that cannot be understood is renamed, said so in the log, and an empty one takes its
  // place. An error: nothing can be read or written now.
  Status open();
  // All of it in one transaction, on the disk when this returns: the rows of the spaces `erased`
  // go, then `rows` are written.
  Status apply(const StoreRows& rows, const std::set<std::string>& erased);
  // Those that have rows. Costs what there are of them, however many rows they have.
  Result<std::set<std::string>> spaces();
  Result<std::map<std::string, std::string>> load(std::string_view space);

 private:
  Status open_file();
  Status set_up();
  Status check_format();
  void move_aside(const std::string& why);
  void close();
  Status fail(const std::string& what);
  Status execute(const char* sql);
  // The number that a query gives.
  Status query_number(const char* sql, int64_t& number);
  // Of a file system that nothing can be written to.
  Result<std::map<std::string, std::string>> load_unwritable(std::string_view space,
                                                             const std::string& problem);

  const std::string path_;
  sqlite3* db_ = nullptr;
  bool unusable_ = false;  // the last failure was of the file itself
};

}  // namespace vipgate
