#include "dataplane/cpu_check.h"

namespace vipgate {

const char* check_cpu() {
  __builtin_cpu_init();
  // What marks x86-64-v3: the rest of it came with these.
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") ||
      !__builtin_cpu_supports("fma")) {
    return "this CPU lacks x86-64-v3 (AVX2, BMI2, FMA: Intel Haswell or AMD Zen, or later), which "
           "vipgate is compiled for: use a newer CPU, or a virtual machine that passes its host's "
           "CPU features on";
  }
  if (!__builtin_cpu_supports("aes")) {
    return "this CPU lacks AES instructions, which vipgate hashes flows with: enable AES-NI in the "
           "firmware or in the virtual machine's CPU model";
  }
  if (!__builtin_cpu_supports("pclmul")) {
    return "this CPU lacks the PCLMULQDQ instruction, which vipgate finds a flow's worker with: "
           "enable it in the virtual machine's CPU model";
  }
  return nullptr;
}

}  // namespace vipgate
