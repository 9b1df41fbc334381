#include "controlplane/rest/mesos_dns_api.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/http/http_query.h"
#include "controlplane/model/compiler.h"
#include "controlplane/naming/sha1.h"
#include "controlplane/rest/dns_text.h"
#include "controlplane/rest/mesos_dns_config.h"
#include "controlplane/rest/mesos_dns_enumeration.h"
#include "controlplane/rest/mesos_dns_text.h"
#include "controlplane/rest/on_control.h"
#include "controlplane/rest/pretty_json.h"
#include "controlplane/rest/vip_listing.h"

namespace vipgate {
namespace {

// Tasks, and reals, that the control thread copies at a time: that takes a fraction of a
// millisecond.
constexpr size_t kCopiedAtOnce = 256;
constexpr size_t kRealsCopiedAtOnce = 4096;
// How often it is begun anew because the services have changed meanwhile.
constexpr int kTriesInParts = 3;

ApiResponse untold() {
  ApiResponse response =
      http_problem(503, "the cluster has not told all that it has yet; ask again");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

ApiResponse text_or_untold(std::optional<std::string> text) {
  return text ? ApiResponse{.body = std::move(*text)} : untold();
}

std::string version_text() {
  PrettyJson json;
  json.open('{');
  json.member("Service", "Mesos-DNS");
  json.member("URL", "https://github.com/mesosphere/mesos-dns");
  json.member("Version", "vipgate " VIPGATE_VERSION);
  json.close();
  return json.take();
}

std::string etag_of(std::string_view text) {
  const auto digest = sha1(text);
  return "\"" + dns_hex_text(digest) + "\"";
}

// Answers who has the text already with 304 (RFC 9110 13.1.2).
ApiResponder unless_known(std::string if_none_match, ApiResponder respond) {
  if (if_none_match.empty()) return respond;
  return [known = std::move(if_none_match), respond = std::move(respond)](ApiResponse response) {
    for (const auto& [name, value] : response.headers) {
      if (name != "ETag" || (known != "*" && known.find(value) == std::string::npos)) continue;
      return respond({.status = 304, .headers = {{name, value}}});
    }
    respond(std::move(response));
  };
}

// What a list of VIPs is made from, while it is copied.
struct VipCopy {
  VipListing listing;
  uint64_t version = 0;
  int tries = 0;
};

class MesosDnsApi : public std::enable_shared_from_this<MesosDnsApi> {
 public:
  MesosDnsApi(RestFeed& feed, const Reconciler& reconciler, MesosDnsReports reports,
              const RestEndpoint& at)
      : feed_(feed), reconciler_(reconciler), reports_(std::move(reports)), at_(at) {}

  void tell_config(const ApiRequest&, const ApiResponder& respond) {
    const auto& table = reconciler_.dns_answers();
    const std::string& domain = mesos_dns_cluster(feed_.config(), 0).domain;
    const uint32_t serial = table == nullptr ? 0 : mesos_dns_serial(*table, domain);
    respond({.body = mesos_dns_config_text(feed_.config(), at_, serial)});
  }

  using NameText = std::optional<std::string> (*)(const DnsTable&, std::string_view);
  // Of the name in the path.
  ApiHandler name_handler(NameText text_of) {
    return [self = shared_from_this(), text_of](const ApiRequest& request,
                                                const ApiResponder& respond) {
      const auto table = self->reports_.served.table();
      if (table == nullptr) return respond(untold());
      respond(text_or_untold(text_of(*table, request.parameters[0])));
    };
  }

  // A long answer of a cluster, that of the `domain` which is asked for or of the first one.
  using Tell = void (MesosDnsApi::*)(size_t cluster, const LongAnswers::Finish& finish);
  ApiHandler cluster_handler(const std::string& what, Tell tell) {
    return [self = shared_from_this(), what, tell](const ApiRequest& request,
                                                   const ApiResponder& respond) {
      self->feed_.post([self, what, tell, respond, peer = request.peer,
                        domain = query_value(request, "domain")](const RestFeed& feed) {
        const auto cluster = find_cluster(feed.config(), domain);
        if (!cluster) {
          return respond(http_problem(404, "domain: no cluster's is '" + domain + "'"));
        }
        self->ask(what + std::to_string(*cluster), peer, respond,
                  [self, tell, cluster = *cluster](const LongAnswers::Finish& finish) {
                    (self.get()->*tell)(cluster, finish);
                  });
      });
    };
  }
  using TellAll = void (MesosDnsApi::*)(const LongAnswers::Finish& finish);
  ApiHandler list_handler(const std::string& what, TellAll tell) {
    return [self = shared_from_this(), what, tell](const ApiRequest& request,
                                                   const ApiResponder& respond) {
      self->ask(what, request.peer, unless_known(request.if_none_match, respond),
                [self, tell](const LongAnswers::Finish& finish) { (self.get()->*tell)(finish); });
    };
  }

  void tell_axfr(size_t cluster, const LongAnswers::Finish& finish) {
    const Config& config = feed_.config();
    const MesosConfig& mesos = mesos_dns_cluster(config, cluster);
    const MesosDnsAxfr about{mesos.domain, mesos_dns_options(config, mesos).ttl.a, mesos.poll_s};
    make_of_table(finish,
                  [about](const DnsTable& table) { return mesos_dns_axfr_text(table, about); });
  }

  void tell_records(const LongAnswers::Finish& finish) {
    make_of_table(finish, [](const DnsTable& table) { return dcos_records_text(table); });
  }

  void tell_enumeration(size_t cluster, const LongAnswers::Finish& finish) {
    const auto& table = reconciler_.dns_answers();
    const auto& domain = mesos_dns_cluster(feed_.config(), cluster).domain;
    if (table == nullptr || mesos_dns_is_incomplete(*table, domain)) return finish(untold());
    copy_tasks(cluster, std::make_shared<TaskListing>(), finish);
  }

  void tell_vips(const LongAnswers::Finish& finish) {
    const auto& table = reconciler_.dns_answers();
    if (table == nullptr || mesos_dns_is_incomplete(*table, "")) return finish(untold());
    copy_vips(std::make_shared<VipCopy>(), finish);
  }

 private:
  // Nothing: none has that domain. The first one, if none is named.
  static std::optional<size_t> find_cluster(const Config& config, const std::string& domain) {
    if (domain.empty()) return 0;
    for (size_t i = 0; i < config.mesos.size(); ++i) {
      if (config.mesos[i].domain == domain) return i;
    }
    return std::nullopt;
  }

  // `tell` begins to make it, on the control thread.
  void ask(const std::string& what, const std::string& peer, const ApiResponder& respond,
           std::function<void(const LongAnswers::Finish&)> tell) {
    reports_.answers->ask(
        what, peer,
        [self = shared_from_this(), tell = std::move(tell)](const LongAnswers::Finish& finish) {
          self->feed_.post([tell, finish](const RestFeed&) { tell(finish); });
        },
        respond);
  }

  void make(const LongAnswers::Finish& finish, std::function<ApiResponse()> text) {
    if (!reports_.pages.post([finish, text = std::move(text)] { finish(text()); })) {
      finish(http_problem(503, "earlier long answers are still being made"));
    }
  }

  void make_of_table(const LongAnswers::Finish& finish,
                     std::function<std::optional<std::string>(const DnsTable&)> text_of) {
    const std::shared_ptr<const DnsTable>& table = reconciler_.dns_answers();
    if (table == nullptr) return finish(untold());
    make(finish, [table, text_of = std::move(text_of)] { return text_or_untold(text_of(*table)); });
  }

  // The next part; the control thread does what else it has to do before the one behind it.
  void copy_tasks(size_t cluster, const std::shared_ptr<TaskListing>& listing,
                  const LongAnswers::Finish& finish) {
    if (reports_.list_tasks(cluster, *listing, kCopiedAtOnce)) {
      return feed_.post([self = shared_from_this(), cluster, listing, finish](const RestFeed&) {
        self->copy_tasks(cluster, listing, finish);
      });
    }
    make(finish, [listing] { return ApiResponse{.body = mesos_dns_enumeration_text(*listing)}; });
  }

  // A name that moves to another VIP meanwhile could be missed: what was copied is of one snapshot.
  void copy_vips(const std::shared_ptr<VipCopy>& copy, const LongAnswers::Finish& finish) {
    if (copy->tries == 0 || copy->version != reconciler_.version()) {
      *copy = {{}, reconciler_.version(), copy->tries + 1};
    }
    const size_t most = copy->tries > kTriesInParts ? SIZE_MAX : kRealsCopiedAtOnce;
    if (list_vips(reconciler_.model(), copy->listing, most)) {
      return feed_.post([self = shared_from_this(), copy, finish](const RestFeed&) {
        self->copy_vips(copy, finish);
      });
    }
    make(finish, [copy, dns = dns_options(feed_.config())] {
      ApiResponse response{.body = vips_text(copy->listing, dns)};
      response.headers.emplace_back("ETag", etag_of(response.body));
      return response;
    });
  }

  RestFeed& feed_;
  const Reconciler& reconciler_;
  const MesosDnsReports reports_;
  const RestEndpoint at_;
};

}  // namespace

HttpRouter make_mesos_dns_router(RestFeed& feed, const Reconciler& reconciler,
                                 const MesosDnsReports& reports, const RestEndpoint& at) {
  const auto api = std::make_shared<MesosDnsApi>(feed, reconciler, reports, at);
  HttpRouter router(HttpManner::kMesosDns);
  router.add("GET", "/v1/version", [](const ApiRequest&, const ApiResponder& respond) {
    respond({.body = version_text()});
  });
  router.add("GET", "/v1/config",
             on_control(feed, std::bind_front(&MesosDnsApi::tell_config, api)));
  router.add("GET", "/v1/hosts/{host}", api->name_handler(mesos_dns_hosts_text));
  router.add("GET", "/v1/hosts/{host}/ports", [](const ApiRequest&, const ApiResponder& respond) {
    respond({.status = 501,
             .content_type = "text/plain; charset=utf-8",
             .body = "To be implemented..."});
  });
  router.add("GET", "/v1/services/{service}", api->name_handler(mesos_dns_services_text));
  if (!feed.config().rest.enumeration) return router;
  router.add("GET", "/v1/axfr", api->cluster_handler("axfr", &MesosDnsApi::tell_axfr));
  router.add("GET", "/v1/enumerate",
             api->cluster_handler("enumerate", &MesosDnsApi::tell_enumeration));
  router.add("GET", "/v1/records", api->list_handler("records", &MesosDnsApi::tell_records));
  router.add("GET", "/v1/vips", api->list_handler("vips", &MesosDnsApi::tell_vips));
  return router;
}

}  // namespace vipgate
