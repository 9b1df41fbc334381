// Mistakes in the section `watch`, with the exact answer; and what it means when it is right.
#include "controlplane/config/config_reader_watch.h"
#include "tests/controlplane/config/config_error_rows.h"

namespace vipgate::config_errors_watch_test {
namespace {

constexpr Row kWatchRows[] = {
    {"watch: {packets: 5}\n",
     "f:1:8: watch: no file is named; add capture or trace with the path of a file"},
    {"watch: {capture: /a, trace: /a}\n",
     "f:1:29: trace: '/a' is the capture, too; write the path of another file"},
    {"watch: {capture: /a, packets: 0}\n",
     "f:1:31: packets: 0 is out of range; write a number from 1 to 1000000"},
    {"watch: {capture: /a, snaplen_bytes: 10}\n",
     "f:1:37: snaplen_bytes: 10 is out of range; write a number from 64 to 9216"},
    {"watch: {capture: /a, source: 10.0.0.1/8}\n",
     "f:1:30: source: 10.0.0.1/8 has bits behind its length; write 10.0.0.0/8, or any"},
    {"watch: {capture: /a, destination: here}\n",
     "f:1:35: destination: 'here' is not a prefix; write a prefix, as 10.20.0.0/16, or any"},
    {"watch: {capture: /a, protocol: dccp}\n",
     "f:1:32: protocol: 'dccp' is not known here; write any, tcp, udp, sctp, icmp or icmpv6"},
    {"ports: [{name: edge, device: d}]\nwatch: {capture: /a, port: core}\n",
     "f:2:28: port: no port is named 'core'; write the name of one of `ports`"},
    {"workers: {cpus: [1]}\nwatch: {capture: /a, worker: 1}\n",
     "f:2:30: worker: there are 1 workers, numbered from 0; write one of their numbers, or auto"},
};

TEST(ConfigErrors, AWatchThatCannotBeIsRefused) { expect_errors(kWatchRows); }

TEST(WatchConfig, WithoutAFileNothingIsWatched) {
  EXPECT_EQ(watch_options(Config{}), std::nullopt);
}

TEST(WatchConfig, WhatIsLeftOutMatchesEverything) {
  const auto config = parse_config("watch: {trace: /t}\n", "f");
  ASSERT_TRUE(config.ok()) << config.error();
  WatchOptions wanted;
  wanted.trace = "/t";
  EXPECT_EQ(watch_options(*config), wanted);
}

TEST(WatchConfig, EveryKeyIsTaken) {
  const auto config = parse_config(
      "workers: {cpus: [1, 2]}\n"
      "ports: [{name: a, device: d}, {name: b, device: e}]\n"
      "watch: {capture: /c, trace: /t, packets: 7, snaplen_bytes: 64, source: 10.0.0.0/8,\n"
      "        destination: 11.0.0.1, source_port: 5, destination_port: 80, protocol: tcp,\n"
      "        port: b, worker: 1}\n",
      "f");
  ASSERT_TRUE(config.ok()) << config.error();
  const WatchOptions wanted{.filter = {.source = *parse_ip_prefix("10.0.0.0/8"),
                                       .destination = *parse_ip_prefix("11.0.0.1"),
                                       .source_port = uint16_t{5},
                                       .destination_port = uint16_t{80},
                                       .protocol = uint8_t{6},
                                       .port = uint8_t{1},
                                       .worker = uint8_t{1}},
                            .packets = 7,
                            .snaplen_bytes = 64,
                            .capture = "/c",
                            .trace = "/t",
                            .output = nullptr};
  EXPECT_EQ(watch_options(*config), wanted);
}

}  // namespace
}  // namespace vipgate::config_errors_watch_test
