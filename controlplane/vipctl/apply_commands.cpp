#include "controlplane/vipctl/apply_commands.h"

#include <unistd.h>

#include <iostream>
#include <memory>

#include "controlplane/vipctl/diff_view.h"
#include "controlplane/vipctl/views.h"
#include "controlplane/vipctl/whole_file.h"

namespace vipgate {
namespace {

using web::json::value;

constexpr char kOurServices[] = "/api/v1/services?origin=rest";

struct ApplyWish {
  std::string file;      // "-": standard input
  bool is_sure = false;  // do not ask
};

int run_export(GatewaySession& session) {
  value all;
  if (const int error = session.get(kOurServices, all); error != kExitOk) return error;
  if (session.options().output == Output::kJson) {
    return print(export_document(all).serialize() + "\n");
  }
  const auto text = export_view(all);
  return text ? print(*text) : fail(kExitFailure, text.error());
}

bool is_confirmed(const ApplyWish& wish) {
  if (wish.file == "-" || isatty(STDIN_FILENO) == 0) {
    std::fprintf(stderr, "nothing was changed: say --yes where nobody can be asked\n");
    return false;
  }
  std::fprintf(stderr, "apply? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "yes";
}

int run_apply(GatewaySession& session, const ApplyWish& wish) {
  const auto document = read_whole_file(wish.file);
  if (!document) return fail(kExitBadConfiguration, "cannot read " + wish.file);
  const auto before = session.api().ask({.path = kOurServices});
  value plan;
  // Without its tag nothing would guard what has changed since.
  if (const int error = session.take(before, kOurServices, plan); error != kExitOk) return error;
  if (before->etag.empty()) {
    return fail(kExitFailure, std::string(kOurServices) + ": the answer has no ETag");
  }
  // What has changed since the plan was made is not overwritten.
  const auto put = [&](const char* path) {
    return session.take(session.api().ask({.method = "PUT",
                                           .path = path,
                                           .body = *document,
                                           .content_type = "application/yaml",
                                           .if_match = before->etag}),
                        wish.file, plan);
  };
  if (const int error = put("/api/v1/services?dry_run=true"); error != kExitOk) return error;
  const std::string diff = diff_view(plan, session.style());
  if (diff.empty()) return print("nothing to change\n");
  if (const int error = print(diff); error != kExitOk) return error;
  if (!wish.is_sure && !is_confirmed(wish)) return kExitFailure;
  const int error = put("/api/v1/services");
  return error != kExitOk ? error : print("in force, and stored\n");
}

}  // namespace

void add_apply_commands(CommandSet& commands) {
  commands.on(
      commands.add("export",
                   "the services that the API made, as YAML (or JSON: -o json) for `apply`"),
      run_export);
  const auto wish = std::make_shared<ApplyWish>();
  CLI::App* apply = commands.add("apply",
                                 "make these, and no others, the services that the API made: shows "
                                 "what would change, and asks");
  apply->add_option("-f,--file", wish->file, "`services: [...]` in YAML or JSON; -: stdin")
      ->required();
  apply->add_flag("-y,--yes", wish->is_sure, "do not ask");
  commands.on(apply, [wish](GatewaySession& session) { return run_apply(session, *wish); });
}

}  // namespace vipgate
