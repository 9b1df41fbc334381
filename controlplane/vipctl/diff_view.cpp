#include "controlplane/vipctl/diff_view.h"

#include <functional>
#include <set>

#include "controlplane/vipctl/json_members.h"

namespace vipgate {
namespace {

using web::json::value;

// Gets "- name: before" and "+ name: after".
using Take = std::function<void(const std::string& line, Tone tone)>;

std::string text_of(const value& member) {
  return printable(member.is_string() ? member.as_string() : scalar_text(member));
}

// Elements that only one of the two lists has, without regard to their order.
void compare_lists(const std::string& name, const value& before, const value& after,
                   const Take& take) {
  std::multiset<std::string> gone, come;
  for (const value& element : before.as_array()) gone.insert(text_of(element));
  for (const value& element : after.as_array()) {
    const std::string text = text_of(element);
    const auto same = gone.find(text);
    same == gone.end() ? void(come.insert(text)) : void(gone.erase(same));
  }
  if (gone.empty() && come.empty()) take("~ " + name + ": in another order", Tone::kWarning);
  const std::string left = "- " + name + ": ", right = "+ " + name + ": ";
  for (const std::string& text : gone) take(left + text, Tone::kBad);
  for (const std::string& text : come) take(right + text, Tone::kGood);
}

void compare(const std::string& prefix, const value& before, const value& after, const Take& take) {
  for (const auto& [key, was] : before.as_object()) {
    const std::string name = prefix + printable(key);
    if (!after.has_field(key)) {
      take("- " + name + ": " + text_of(was), Tone::kBad);
      continue;
    }
    const value& is = after.at(key);
    if (was == is) continue;
    if (was.is_object() && is.is_object()) {
      compare(name + ".", was, is, take);
    } else if (was.is_array() && is.is_array()) {
      compare_lists(name, was, is, take);
    } else {
      take("- " + name + ": " + text_of(was), Tone::kBad);
      take("+ " + name + ": " + text_of(is), Tone::kGood);
    }
  }
  for (const auto& [key, is] : after.as_object()) {
    if (!before.has_field(key)) {
      take("+ " + prefix + printable(key) + ": " + text_of(is), Tone::kGood);
    }
  }
}

}  // namespace

std::string diff_view(const value& plan, const ViewStyle& style) {
  std::string text;
  const auto add = [&](const char* name, const char* mark, Tone tone) {
    for (const value& id : array_of(plan, name)) {
      text += painted(mark + printable(id.as_string()), tone, style) + "\n";
      if (!plan.has_object_field("documents")) continue;
      const value& documents = plan.at("documents");
      if (!documents.has_object_field(id.as_string())) continue;
      const value& both = documents.at(id.as_string());
      compare("", both.at("before"), both.at("after"), [&](const std::string& line, Tone of_line) {
        text += "    " + painted(line, of_line, style) + "\n";
      });
    }
  };
  add("added", "+ ", Tone::kGood);
  add("changed", "~ ", Tone::kWarning);
  add("removed", "- ", Tone::kBad);
  return text;
}

}  // namespace vipgate
