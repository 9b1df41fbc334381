// Whether this CPU can run what the rest of the program is compiled for.
#pragma once

namespace vipgate {

// nullptr when the CPU has x86-64-v3, AES and PCLMULQDQ; else one sentence for the user.
// Call it first thing in main. It returns a plain literal, and its file is compiled for baseline
// x86-64, so that on an old CPU it is reached, and answers, without an illegal instruction.
[[nodiscard]] const char* check_cpu();

}  // namespace vipgate
