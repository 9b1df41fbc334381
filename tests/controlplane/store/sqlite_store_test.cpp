#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "controlplane/store/state_store.h"
#include "tests/controlplane/store/store_directory.h"

namespace vipgate::sqlite_store_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr int64_t kPatienceMs = 30000;

std::unique_ptr<StateStore> open_store(const std::string& file) {
  auto store = StateStore::open("sqlite:" + file, "");
  EXPECT_TRUE(store.ok()) << store.error();
  return std::move(store).value();
}

std::map<std::string, std::string> load(StateStore& store, std::string_view space) {
  auto rows = store.load(space);
  EXPECT_TRUE(rows.ok()) << rows.error();
  return rows.ok() ? *rows : std::map<std::string, std::string>{};
}

void flush(StateStore& store) {
  const Status done = store.flush(kPatienceMs);
  EXPECT_TRUE(done.ok()) << done.error();
}

TEST(StateStore, AUrlThatIsNoneSaysWhatWouldBe) {
  const auto store = StateStore::open("file:/tmp/x", "");
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error(),
            "'file:/tmp/x' is no store; write sqlite:PATH, zk://host:port/path or none");
}

TEST(StateStore, NoneKeepsNothingAndIsWell) {
  auto store = StateStore::open("none", "");
  ASSERT_TRUE(store.ok());
  (*store)->write({{"a", "k", "v"}});
  EXPECT_TRUE((*store)->flush(0).ok());
  EXPECT_THAT(load(**store, "a"), IsEmpty());
  EXPECT_TRUE((*store)->health().ok);
  EXPECT_EQ((*store)->fd(), -1);
}

TEST(SqliteStore, WhatWasWrittenIsThereAfterARestartAndSpacesAreApart) {
  const StoreDirectory directory;
  const std::string binary("\0\xff", 2);
  {
    auto store = open_store(directory.file());
    store->write({{"a", "k", "1"}, {"a", "", binary}, {"b", "k", ""}, {"b", "gone", "x"}});
    store->write({{"a", "k", "2"}, {"b", "gone", std::nullopt}});
    flush(*store);
    EXPECT_EQ(store->health().waiting, 0u);
  }
  auto store = open_store(directory.file());
  EXPECT_THAT(load(*store, "a"), ElementsAre(Pair("", binary), Pair("k", "2")));
  EXPECT_THAT(load(*store, "b"), ElementsAre(Pair("k", "")));
  EXPECT_THAT(load(*store, "c"), IsEmpty());
}

TEST(SqliteStore, WhatWaitsIsStoredWhenItIsDestroyed) {
  const StoreDirectory directory;
  open_store(directory.file())->write({{"a", "k", "v"}});
  EXPECT_THAT(load(*open_store(directory.file()), "a"), ElementsAre(Pair("k", "v")));
}

TEST(SqliteStore, ADirectoryThatIsMissingIsMadeForThisUserAlone) {
  const StoreDirectory directory;
  const std::string inner = directory.path() + "/x/y";
  auto store = open_store(inner + "/state.db");
  store->write({{"a", "k", "v"}});
  flush(*store);
  struct stat status {};
  ASSERT_EQ(::stat(inner.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat((inner + "/state.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(SqliteStore, TheLastOfManyWritesOfAKeyStaysWhoeverIsFaster) {
  const StoreDirectory directory;
  auto store = open_store(directory.file());
  for (int i = 0; i <= 20000; ++i) {
    // The two keys are always written together: they must never be told apart.
    store->write({{"a", "first", std::to_string(i)}, {"a", "second", std::to_string(i)}});
    EXPECT_LE(store->health().waiting, 4u);
  }
  EXPECT_THAT(load(*store, "a"), ElementsAre(Pair("first", "20000"), Pair("second", "20000")));
  flush(*store);
  EXPECT_THAT(load(*store, "a"), ElementsAre(Pair("first", "20000"), Pair("second", "20000")));
}

class Locked {
 public:
  explicit Locked(const std::string& file) {
    EXPECT_EQ(sqlite3_open(file.c_str(), &db_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db_, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~Locked() { sqlite3_close(db_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  sqlite3* db_ = nullptr;
};

TEST(SqliteStore, AFileThatAnotherProcessLocksIsWrittenWhenItIsFree) {
  const StoreDirectory directory;
  auto store = open_store(directory.file());
  store->write({{"a", "k", "1"}});
  flush(*store);
  {
    const Locked other(directory.file());
    store->write({{"a", "k", "2"}, {"a", "m", "2"}});
    const Status status = store->flush(1000);
    ASSERT_FALSE(status.ok());
    EXPECT_THAT(status.error(), HasSubstr("give each gateway a file of its own"));
    const StoreHealth health = store->health();
    EXPECT_FALSE(health.ok);
    EXPECT_EQ(health.problem, status.error());
    EXPECT_GE(health.failures, 2u);
    EXPECT_EQ(health.waiting, 2u);
    // What waits is told to who asks, and a later write replaces it.
    EXPECT_THAT(load(*store, "a"), ElementsAre(Pair("k", "2"), Pair("m", "2")));
    store->write({{"a", "k", "3"}});
    EXPECT_EQ(store->health().waiting, 2u);
  }
  flush(*store);
  EXPECT_TRUE(store->health().ok);
  EXPECT_THAT(load(*store, "a"), ElementsAre(Pair("k", "3"), Pair("m", "2")));
}

std::string only_unusable(const StoreDirectory& directory) {
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    const std::string name = entry.path().filename();
    if (name.starts_with("state.db.unusable-")) found = entry.path();
  }
  return found;
}

TEST(SqliteStore, AFileThatIsNoDatabaseIsMovedAsideAndAnEmptyOneTakesItsPlace) {
  const StoreDirectory directory;
  const std::string rubbish(8192, 'x');
  std::ofstream(directory.file()) << rubbish;
  auto store = open_store(directory.file());
  EXPECT_THAT(load(*store, "a"), IsEmpty());
  store->write({{"a", "k", "v"}});
  flush(*store);
  std::ifstream aside(only_unusable(directory));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(aside), {}), rubbish);
}

TEST(SqliteStore, ADamagedPageIsNoticedWhenTheFileIsOpened) {
  const StoreDirectory directory;
  {
    auto store = open_store(directory.file());
    std::vector<StoreWrite> rows;
    for (int i = 0; i < 2000; ++i) rows.push_back({"a", std::to_string(i), std::string(100, 'v')});
    store->write(std::move(rows));
    flush(*store);
  }
  {
    std::fstream file(directory.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3 * 4096);
    file << std::string(4096, '\x5a');
  }
  auto store = open_store(directory.file());
  EXPECT_THAT(load(*store, "a"), IsEmpty());
  EXPECT_NE(only_unusable(directory), "");
}

TEST(SqliteStore, AFileOfANewerFormatIsMovedAside) {
  const StoreDirectory directory;
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(directory.file().c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version=2", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
  auto store = open_store(directory.file());
  EXPECT_THAT(load(*store, "a"), IsEmpty());
  EXPECT_NE(only_unusable(directory), "");
}

// A file system of so many kilobytes. Needs root.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    mounted_ = ::mount("vipgate", path.c_str(), "tmpfs", 0, "size=512k") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] bool mounted() const { return mounted_; }
  bool make_read_only(bool read_only) {
    const unsigned long flags = MS_REMOUNT | (read_only ? MS_RDONLY : 0);
    return ::mount("vipgate", path_.c_str(), "tmpfs", flags, "size=512k") == 0;
  }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST(SqliteStore, ADiskThatWasFullIsWrittenToWhenThereIsRoomAndNoBatchIsHalfThere) {
  const StoreDirectory directory;
  const SmallDisk disk(directory.path());
  if (!disk.mounted()) GTEST_SKIP() << "a small file system cannot be mounted; run as root";
  auto store = open_store(directory.file());
  store->write({{"a", "small", "1"}});
  flush(*store);
  store->write({{"a", "small", "2"}, {"a", "big", std::string(1u << 20, 'x')}});
  const Status status = store->flush(3000);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error(), HasSubstr("free some space on its disk"));
  EXPECT_FALSE(store->health().ok);
  store->write({{"a", "big", "no longer"}});
  flush(*store);
  EXPECT_TRUE(store->health().ok);
  store = open_store(directory.file());
  EXPECT_THAT(load(*store, "a"), ElementsAre(Pair("big", "no longer"), Pair("small", "2")));
}

TEST(SqliteStore, AReadOnlyDiskStillTellsTheLastStateAndIsWrittenToWhenItCanBe) {
  const StoreDirectory directory;
  SmallDisk disk(directory.path());
  if (!disk.mounted()) GTEST_SKIP() << "a small file system cannot be mounted; run as root";
  {
    auto store = open_store(directory.file());
    store->write({{"a", "k", "1"}});
    flush(*store);
  }
  ASSERT_TRUE(disk.make_read_only(true));
  auto store = open_store(directory.file());
  EXPECT_THAT(load(*store, "a"), ElementsAre(Pair("k", "1")));
  store->write({{"a", "k", "2"}});
  const Status status = store->flush(500);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error(), HasSubstr("make the file and its directory writable"));
  EXPECT_THAT(load(*store, "a"), ElementsAre(Pair("k", "2")));
  ASSERT_TRUE(disk.make_read_only(false));
  flush(*store);
  store.reset();
  EXPECT_THAT(load(*open_store(directory.file()), "a"), ElementsAre(Pair("k", "2")));
}

TEST(SqliteStore, AnErasedSpaceGoesAndTheOthersStay) {
  const StoreDirectory directory;
  {
    auto store = open_store(directory.file());
    store->write({{"a", "k", "1"}, {"a", "l", "2"}, {"b", "k", "3"}, {"c/d", "k", "4"}});
    flush(*store);
    const auto spaces = store->spaces();
    ASSERT_TRUE(spaces.ok()) << spaces.error();
    EXPECT_THAT(*spaces, ElementsAre("a", "b", "c/d"));
    store->erase("a");
    flush(*store);
    EXPECT_EQ(store->health().waiting, 0u);
  }
  auto store = open_store(directory.file());
  EXPECT_THAT(*store->spaces(), ElementsAre("b", "c/d"));
  EXPECT_THAT(load(*store, "a"), IsEmpty());
  EXPECT_THAT(load(*store, "b"), ElementsAre(Pair("k", "3")));
}

}  // namespace
}  // namespace vipgate::sqlite_store_test
