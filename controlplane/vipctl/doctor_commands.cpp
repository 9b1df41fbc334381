#include "controlplane/vipctl/doctor_commands.h"

#include <memory>

#include "controlplane/config/config_reader.h"
#include "controlplane/vipctl/doctor/doctor.h"

namespace vipgate {
namespace {

struct DoctorWish {
  std::string config_file = "/etc/vipgate/vipgated.yaml";
  std::string root;  // where /proc and /sys are
};

int run_doctor(const DoctorWish& wish, const ShowOptions& options) {
  const SystemTree system(wish.root);
  const Findings findings = examine(system, read_config(wish.config_file));
  const int shown = show(findings_json(findings), findings_view(findings, options.style), options);
  return shown != kExitOk || !has_bad(findings) ? shown : kExitWrong;
}

}  // namespace

void add_doctor_commands(CommandSet& commands) {
  const auto wish = std::make_shared<DoctorWish>();
  CLI::App* doctor = commands.add(
      "doctor", "what is wrong with this machine for a gateway, each with what mends it");
  doctor->add_option("--config", wish->config_file, "of the gateway that is to run here")
      ->envname("VIPGATED_CONFIG")
      ->capture_default_str();
  // For tests; an empty group keeps it from the help.
  doctor->add_option("--root", wish->root, "examine the machine below this directory")->group("");
  commands.on_alone(doctor,
                    [wish](const ShowOptions& options) { return run_doctor(*wish, options); });
}

}  // namespace vipgate
