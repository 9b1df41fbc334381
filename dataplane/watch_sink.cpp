#include "dataplane/watch_sink.h"

#include <cstdio>

#include "common/system_error.h"
#include "dataplane/pcap_file.h"

namespace vipgate {
namespace {

class WatchFile : public WatchSink {
 public:
  WatchFile(std::string path, pcap_detail::File file)
      : path_(std::move(path)), file_(std::move(file)) {}
  Status write(std::string_view whole) override {
    return check(std::fwrite(whole.data(), whole.size(), 1, file_.get()) == 1);
  }
  Status offer(std::string_view whole) override { return write(whole); }
  Status flush() override { return check(std::fflush(file_.get()) == 0); }
  Status close() override { return check(std::fclose(file_.release()) == 0); }

 private:
  Status check(bool is_good) const {
    return is_good ? Status(Done{}) : Status(system_error(path_ + ": cannot write"));
  }

  const std::string path_;
  pcap_detail::File file_;
};

class WatchOutputSink : public WatchSink {
 public:
  WatchOutputSink(WatchOutput& output, std::atomic<uint64_t>& lost)
      : output_(output), lost_(lost) {}
  Status write(std::string_view whole) override {
    output_.write(std::string(whole));
    return Done{};
  }
  Status offer(std::string_view whole) override {
    if (!output_.offer(std::string(whole))) lost_.fetch_add(1, std::memory_order_relaxed);
    return Done{};
  }
  Status flush() override { return Done{}; }
  Status close() override { return Done{}; }

 private:
  WatchOutput& output_;
  std::atomic<uint64_t>& lost_;
};

}  // namespace

Result<std::unique_ptr<WatchSink>> WatchSink::to_file(const std::string& path) {
  pcap_detail::File file(std::fopen(path.c_str(), "wbe"));
  if (file == nullptr) return system_error(path + ": cannot create");
  return std::unique_ptr<WatchSink>(std::make_unique<WatchFile>(path, std::move(file)));
}

std::unique_ptr<WatchSink> WatchSink::to_output(WatchOutput& output, std::atomic<uint64_t>& lost) {
  return std::make_unique<WatchOutputSink>(output, lost);
}

}  // namespace vipgate
