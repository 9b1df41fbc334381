// Threads of the data plane that are no workers: they run beside the control plane.
#pragma once

#include <functional>
#include <thread>
#include <vector>

namespace vipgate {

// Starts a thread that gets no signals, which are the main thread's. `name`: at most 15 characters.
// `cpus`: that it may use; empty: any.
std::thread start_side_thread(const char* name, const std::vector<int>& cpus,
                              std::function<void()> run);

}  // namespace vipgate
