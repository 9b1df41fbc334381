// What `vipctl top` shows: what is wrong, how much passes, what each worker does, what is dropped.
#pragma once

#include <string>

#include "controlplane/vipctl/top_figures.h"
#include "controlplane/vipctl/view_style.h"

namespace vipgate {

std::string top_view(const TopFigures& figures, const TopSample& now, const std::string& url,
                     const ViewStyle& style = {});
// When the gateway does not answer, for the `why` that is told.
std::string silent_view(const std::string& why, double seconds, const ViewStyle& style = {});

// "812", "12.3k", "1.20M", "3.4G": three digits or so.
std::string short_number(double number);

// The first `rows` lines, each with its first `columns` characters; sequences for colours take no
// room, and end with the line that they are on.
std::string fitted(const std::string& text, size_t columns, size_t rows);

}  // namespace vipgate
