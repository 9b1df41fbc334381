// The control thread: waits for signals, neighbours, routes and deadlines, and has the reconciler
// act.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/named_counters.h"
#include "common/unix_clock.h"
#include "controlplane/config/config.h"
#include "controlplane/dns_sockets/dns_listeners.h"
#include "controlplane/feeds/feeds.h"
#include "controlplane/file_descriptor.h"
#include "controlplane/http/http_server.h"
#include "controlplane/loop/dataplane_control.h"
#include "controlplane/loop/dns_rate_watch.h"
#include "controlplane/loop/drop_watch.h"
#include "controlplane/loop/flood_watch.h"
#include "controlplane/loop/port_links.h"
#include "controlplane/loop/reconciler.h"
#include "controlplane/loop/snat_watch.h"
#include "controlplane/loop/watch_keeper.h"
#include "controlplane/loop/worker_progress.h"
#include "controlplane/loop/worker_report.h"
#include "controlplane/loop/worker_window.h"
#include "controlplane/metrics/page_thread.h"
#include "controlplane/network/neighbor_keeper.h"
#include "controlplane/network/route_announcer.h"
#include "controlplane/network/route_keeper.h"
#include "controlplane/rest/long_answers.h"
#include "controlplane/rest/rest_api.h"
#include "controlplane/rest/served_dns.h"

namespace vipgate {

struct ControlLoopOptions {
  Config config;  // already read; config.file is read again on SIGHUP
  DnsHashSecret secret;
  SipKey cookie_secret;  // of this boot, for a configuration that has none
};

// SIGHUP: reload; SIGUSR1: log the counters and what the workers did; SIGTERM, SIGINT: stop. Owned
// by the composition root; run() by the control thread.
class ControlLoop {
 public:
  // So that signals come to the loop alone. To be called before any thread is made.
  static void block_signals();

  // REQUIRES: block_signals() was called; `dataplane` outlives the loop.
  static Result<std::unique_ptr<ControlLoop>> create(const ControlLoopOptions& options,
                                                     DataplaneControl& dataplane);

  // Publishes the first snapshot, then follows events until told to stop. An error: the first
  // snapshot cannot be made.
  Status run();

 private:
  ControlLoop(const ControlLoopOptions& options, DataplaneControl& dataplane,
              std::unique_ptr<NeighborKeeper> neighbors, std::unique_ptr<RouteKeeper> routes);
  Status open();
  Status watch(int fd);
  Status watch_clients();
  Status publish_first();
  void handle(int fd);
  void handle_signals();
  void reload();
  Result<ReloadOutcome> put_in_force(Config& config);
  Result<ReloadOutcome> apply(Config& config);
  void act();
  void follow_routes(int64_t now_ms);
  void follow_neighbors(int64_t now_ms);
  void announce(int64_t now_ms);
  void look_at_workers(int64_t now_ms);
  void look_at_links(int64_t now_ms);
  void look_at_pools(int64_t now_ms);
  void look_at_floods(int64_t now_ms);
  void look_at_drops(int64_t now_ms);
  void look_at_tunnels(int64_t now_ms);
  void tell_events(int64_t now_ms);
  void tell_real_changes();
  void tell_levels();
  void tell_limit(const std::string& name, uint64_t entries, uint64_t most,
                  const std::string& setting);
  void begin_to_stop();
  Status start_api();
  Status start_mesos_dns(const std::vector<HttpToken>& tokens);
  HttpServerOptions server_options(const RestEndpoint& at) const;
  AnswerDns answer_dns() const;
  AnswerDnsDatagram answer_dns_datagram() const;
  ListFlows list_flows() const;
  void report(const Status& status);
  void report_problems(const ReloadOutcome& outcome);
  void report_routes();
  void log_counters();
  NamedCounters counters() const;
  std::string counters_json() const;
  GatewayFigures gateway_figures() const;
  MetricsInput metrics() const;
  std::vector<TableUse> table_uses() const;
  WorkersReport workers_report() const;
  std::vector<PortReport> ports_report() const;
  SourceReport file_report() const;
  SourcesReport sources_report(size_t ignored) const;
  RestWatches rest_watches();
  void arm_timer(int64_t now_ms);

  // What report_routes() has warned of last.
  std::set<IpAddress> reported_unreachable_;
  std::set<NextHop> reported_unknown_;
  DataplaneControl& dataplane_;
  const SipKey cookie_secret_;
  std::unique_ptr<NeighborKeeper> neighbors_;
  std::unique_ptr<RouteKeeper> routes_;
  Reconciler reconciler_;
  std::unique_ptr<Feeds> feeds_;
  WatchKeeper watches_;         // ends before feeds_
  size_t watched_clients_ = 0;  // of feeds_, the first ones
  FileDescriptor epoll_;
  FileDescriptor signals_;
  FileDescriptor timer_;
  int64_t next_refresh_ms_ = 0;
  std::optional<uint64_t> followed_version_;  // of Reconciler::routes_version(); none: not yet
  std::set<NextHop> followed_awaited_;
  std::unique_ptr<RouteAnnouncer> route_announcer_;  // null: not wanted
  std::unique_ptr<DnsListeners> dns_listeners_;
  WorkerProgress worker_progress_;
  WorkerWindow worker_window_;
  int64_t next_workers_ms_ = 0;
  bool workers_advance_ = true;
  PortLinks links_;
  int64_t next_links_ms_ = 0;
  SnatWatch snat_watch_;
  DnsRateWatch dns_rate_watch_;
  FloodWatch flow_flood_, dns_flood_;
  DropWatch drop_watch_;
  int64_t next_pools_ms_ = 0;
  int64_t next_tunnels_ms_ = 0;
  int64_t stop_at_ms_ = INT64_MAX;
  WorkerReport worker_report_;
  int64_t file_read_ms_ = 0;  // when the configuration in force was read
  std::string file_problem_;  // why the last reload changed nothing
  GatewayHealth health_;
  ServedDns served_dns_;
  const std::shared_ptr<LongAnswers> long_answers_ = std::make_shared<LongAnswers>();
  PageThread pages_;
  PageThread asks_{"vg-asks", 256};  // each holds little
  // Each has taken of the room for bodies, which is what bounds their number.
  PageThread bodies_{"vg-bodies", 256};
  // No two processes begin in one millisecond.
  const std::shared_ptr<EventHub> events_ = std::make_shared<EventHub>(std::to_string(unix_ms()));
  uint64_t told_version_ = 0;             // of the snapshot
  std::map<std::string, bool> told_bad_;  // sources that are stale, tables that are nearly full
  int64_t next_snapshot_event_ms_ = 0;
  int64_t next_levels_ms_ = 0;
  std::vector<std::unique_ptr<HttpServer>> api_;  // ends before what it asks
  bool is_ready_ = false;
  bool stop_ = false;
};

}  // namespace vipgate
