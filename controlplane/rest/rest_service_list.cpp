#include "controlplane/rest/rest_service_list.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/http/http_query.h"
#include "controlplane/model/compiler.h"
#include "controlplane/model/service_text.h"
#include "controlplane/rest/model_text.h"

namespace vipgate {
namespace {

// Reals of a part: that takes a millisecond or so.
constexpr size_t kRealsListedAtOnce = 1024;
// How often it is begun anew because the services have changed meanwhile.
constexpr int kListTries = 3;

bool is_origin(std::string_view text) {
  const auto origins = {Origin::kYaml, Origin::kRest, Origin::kMesos};
  return std::any_of(origins.begin(), origins.end(),
                     [&](Origin origin) { return to_string(origin) == text; });
}

class ServiceList : public std::enable_shared_from_this<ServiceList> {
 public:
  ServiceList(RestFeed& feed, const Reconciler& reconciler, std::shared_ptr<LongAnswers> answers)
      : feed_(feed), reconciler_(reconciler), answers_(std::move(answers)) {}

  void tell(const ApiRequest& request, const ApiResponder& respond) {
    const ServiceFilter filter{query_value(request, "name"), query_value(request, "origin")};
    if (!filter.origin.empty() && !is_origin(filter.origin)) {
      return respond(
          http_problem(400, "origin: '" + filter.origin + "' is none; write yaml, rest or mesos"));
    }
    answers_->ask(
        "services\n" + filter.origin + "\n" + filter.name, request.peer,
        [self = shared_from_this(), filter](const LongAnswers::Finish& finish) {
          self->post_part(std::make_shared<Copy>(Copy{.filter = filter}), finish);
        },
        respond);
  }

 private:
  struct Copy {
    ServiceFilter filter;
    ServiceListing listing{};
    uint64_t version = 0, revision = 0;  // of what is copied: the snapshot's, the documents'
    std::string tag{};                   // of the documents that are in force as it begins
    int tries = 0;
  };

  void post_part(const std::shared_ptr<Copy>& copy, const LongAnswers::Finish& finish) {
    feed_.post([self = shared_from_this(), copy, finish](const RestFeed&) {
      self->make_part(copy, finish);
    });
  }

  // The tag is never newer than the list: who changes what he has read, by the tag, loses nothing
  // that came about meanwhile. A service that moves to another VIP meanwhile could
  // be missed, so the list is begun anew; not for ever, as in a storm there is no quiet.
  void make_part(const std::shared_ptr<Copy>& shared, const LongAnswers::Finish& finish) {
    Copy& copy = *shared;
    const uint64_t version = reconciler_.version(), revision = feed_.services().revision();
    const bool has_moved = copy.version != version && copy.tries < kListTries;
    if (copy.tries == 0 || copy.revision != revision || has_moved) {
      copy = {.filter = copy.filter,
              .version = version,
              .revision = revision,
              .tag = feed_.tag_in_force(),
              .tries = copy.tries + 1};
    }
    const size_t most = copy.tries > kListTries ? SIZE_MAX : kRealsListedAtOnce;
    if (list_services(reconciler_.model(), feed_.services(), dns_options(feed_.config()),
                      copy.filter, copy.listing, most)) {
      return post_part(shared, finish);
    }
    ApiResponse response{.body = std::move(copy.listing.text)};
    response.headers.emplace_back("ETag", copy.tag);
    finish(std::move(response));
  }

  RestFeed& feed_;
  const Reconciler& reconciler_;
  const std::shared_ptr<LongAnswers> answers_;
};

}  // namespace

void add_service_list(HttpRouter& router, RestFeed& feed, const Reconciler& reconciler,
                      const std::shared_ptr<LongAnswers>& answers) {
  router.add(
      "GET", "/api/v1/services",
      [list = std::make_shared<ServiceList>(feed, reconciler, answers)](
          const ApiRequest& request, const ApiResponder& respond) { list->tell(request, respond); },
      std::vector<std::string>{"name", "origin"});
}

}  // namespace vipgate
