#include "controlplane/vipctl/gateway_session.h"

#include "controlplane/vipctl/yaml_text.h"

namespace vipgate {

int show(const web::json::value& all, std::string_view text, const ShowOptions& options) {
  if (options.output == Output::kJson) return print(all.serialize() + "\n");
  if (options.output != Output::kYaml) return print(std::string(text));
  const auto yaml = yaml_text(all);
  return yaml ? print(*yaml) : fail(kExitFailure, yaml.error());
}

int GatewaySession::take(const Result<ApiReply>& reply, const std::string& what,
                         web::json::value& answer) {
  if (!reply) return fail(kExitUnreachable, reply.error());
  if (reply->status / 100 != 2) return fail(kExitFailure, what + ": " + problem_text(*reply));
  auto parsed = parse_object(reply->body);
  if (!parsed) return fail(kExitFailure, what + ": " + parsed.error());
  answer = *parsed;
  return kExitOk;
}

}  // namespace vipgate
