#include "perf/generator/options.h"

#include <CLI/CLI.hpp>
#include <map>

#include "perf/generator/frame_sizes.h"
#include "perf/generator/frames.h"

namespace vipgate::generator {
namespace {

struct Texts {
  std::string vip;
  std::string gateway;
  std::string client;
  std::string sizes;
  std::string names;
};

void describe(CLI::App& app, Options& options, Texts& texts) {
  const std::map<std::string, Kind> kinds = {
      {"flows", Kind::kFlows}, {"syn", Kind::kSyn}, {"dns", Kind::kDns}};
  app.add_option("--edge", options.edge_socket, "socket of the gateway's edge port (net_memif)")
      ->required();
  app.add_option("--cluster", options.cluster_socket,
                 "socket of the port that leads to the reals; default: the edge's");
  app.add_option("--gateway-mac", texts.gateway, "MAC address of the edge port")->required();
  app.add_option("--vip", texts.vip, "ADDRESS:PORT that clients send to; with dns the server")
      ->required();
  app.add_option("--kind", options.kind, "flows, syn or dns")
      ->transform(CLI::Transformer(kinds))
      ->check(CLI::IsMember(std::vector<Kind>{Kind::kFlows, Kind::kSyn, Kind::kDns}));
  app.add_option(
      "--client", texts.client,
      "the first client's address; default: 10.200.0.1, or 2001:db8:1::1 for a VIP of IPv6");
  app.add_option("--flows", options.flows, "how many flows")
      ->check(CLI::Range(1u, kFlowsMax))
      ->capture_default_str();
  app.add_option("--zipf", options.zipf, "exponent of the flows' shares; 0: each in turn")
      ->check(CLI::Range(0.0, 4.0))
      ->capture_default_str();
  app.add_option(
      "--sizes", texts.sizes,
      "of frames: 64,512,1518 or imix; default: the smallest, 64 with IPv4, 84 with IPv6");
  app.add_option("--names", texts.names, "file of questions: NAME or NAME TYPE on each line");
  app.add_flag("--answer", options.answer, "be the reals that answer: gives the round trip");
  app.add_flag("--verify", options.verify, "check the checksums of all that comes");
  app.add_flag("--show-flows", options.show_flows, "list each flow's client and real");
  app.add_option("--seed", options.seed, "of all that is drawn")->capture_default_str();
  app.add_option("--burst", options.burst, "packets sent or received at a time")
      ->check(CLI::Range(1u, kBurstMax))
      ->capture_default_str();
  app.add_option("--drain-ms", options.drain_ms, "a trial ends when nothing came for so long")
      ->check(CLI::Range(1u, 60000u))
      ->capture_default_str();
  app.add_option("--ring-log2", options.ring_log2, "slots of memif's rings, as a power of two")
      ->check(CLI::Range(5u, 14u))
      ->capture_default_str();
  app.add_option("--cpu", options.cpu, "that sends and receives")
      ->check(CLI::Range(0, 1023))
      ->capture_default_str();
  app.add_option("--memory-mb", options.memory_mb, "for packet buffers")
      ->check(CLI::Range(64u, 65536u))
      ->capture_default_str();
  app.add_flag("--huge", options.huge, "take that of huge pages");
  CLI::Option* packets =
      app.add_option("--packets", options.packets,
                     "one trial of so many; without it, commands come by standard input: "
                     "touch RATE | trial RATE PACKETS | quit")
          ->check(CLI::Range(uint64_t{1}, kPacketsMax));
  app.add_option("--rate", options.rate, "packets per second of that trial")
      ->check(CLI::Range(1.0, 1e9))
      ->needs(packets);
}

Status finish(Options& options, const Texts& texts) {
  const auto mac = parse_mac_address(texts.gateway);
  if (!mac.ok()) return Error{"--gateway-mac: " + mac.error()};
  options.gateway = *mac;
  const auto vip = parse_address_and_port(texts.vip);
  if (!vip.ok()) return Error{"--vip: " + vip.error()};
  options.vip = *vip;
  const int family = vip->address.family();
  const auto client = parse_ip_address(!texts.client.empty() ? texts.client
                                       : family == 4         ? "10.200.0.1"
                                                             : "2001:db8:1::1");
  if (!client.ok()) return Error{"--client: " + client.error()};
  if (client->family() != family) {
    return Error{"--client: '" + texts.client + "' is not of IPv" + std::to_string(family) +
                 ", as --vip is"};
  }
  options.client = *client;
  auto sizes = parse_frame_sizes(texts.sizes, family);
  if (!sizes.ok()) return Error{sizes.error()};
  options.sizes = std::move(sizes).value();
  if (options.packets > 0 && options.rate == 0) return Error{"--packets needs --rate"};
  if (options.answer && options.kind != Kind::kFlows) {
    return Error{"--answer is for --kind flows: SYNs are not answered, and DNS has its server"};
  }
  if ((options.kind == Kind::kDns) != !texts.names.empty()) {
    return Error{"--names and --kind dns go together: give both or neither"};
  }
  if (options.kind != Kind::kDns) return Done{};
  auto questions = read_dns_questions(texts.names);
  if (!questions.ok()) return Error{"--names: " + questions.error()};
  options.questions = std::move(questions).value();
  return Done{};
}

}  // namespace

Result<Options> parse_options(int argc, const char* const* argv, bool& help) {
  Options options;
  Texts texts;
  CLI::App app("Sends traffic to a gateway over net_memif and accounts for each packet", "vipgen");
  describe(app, options, texts);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    help = true;
    return Error{app.help()};
  } catch (const CLI::ParseError& error) {
    return Error{error.what()};
  }
  const Status finished = finish(options, texts);
  if (!finished.ok()) return Error{finished.error()};
  return options;
}

}  // namespace vipgate::generator
