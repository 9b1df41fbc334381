// What the state store costs the control thread: the hand-over of a batch, which must not depend on
// the disk, and the load of a large cluster at start.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "controlplane/store/state_store.h"

namespace vipgate {
namespace {

class Directory {
 public:
  Directory() : path_(std::filesystem::temp_directory_path() / "vipgate_bench.XXXXXX") {
    made_ = ::mkdtemp(path_.data()) != nullptr;
  }
  ~Directory() {
    std::error_code ignored;  // a directory that stays in /tmp harms nobody
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  [[nodiscard]] std::unique_ptr<StateStore> open() const {
    auto store = StateStore::open("sqlite:" + path_ + "/state.db", "");
    return made_ && store.ok() ? std::move(store).value() : nullptr;
  }

 private:
  std::string path_;
  bool made_ = false;
};

std::vector<StoreWrite> batch_of(int64_t first, int64_t count) {
  std::vector<StoreWrite> batch;
  for (int64_t i = first; i < first + count; ++i) {
    batch.push_back({"mesos", "task-" + std::to_string(i), std::string(400, 'v')});
  }
  return batch;
}

// Argument: keys per batch. Batches repeat over 50,000 keys while the writer works.
void hand_over(benchmark::State& state) {
  const Directory directory;
  auto store = directory.open();
  if (store == nullptr) return state.SkipWithError("no store");
  int64_t next = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto batch = batch_of(next, state.range(0));
    next = (next + state.range(0)) % 50000;
    state.ResumeTiming();
    store->write(std::move(batch));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(hand_over)->Arg(1)->Arg(10)->Arg(1000)->UseRealTime();

// Argument: keys.
void load(benchmark::State& state) {
  const Directory directory;
  {
    auto store = directory.open();
    if (store == nullptr) return state.SkipWithError("no store");
    store->write(batch_of(0, state.range(0)));
    if (!store->flush(120000).ok()) return state.SkipWithError("not stored");
  }
  for (auto _ : state) {
    auto store = directory.open();
    auto rows = store->load("mesos");
    if (!rows.ok() || rows->size() != static_cast<size_t>(state.range(0))) {
      return state.SkipWithError("not loaded");
    }
  }
}
BENCHMARK(load)->Arg(400000)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

}  // namespace
}  // namespace vipgate
