// One map of the configuration. Each section's function (config_reader.cpp) names every key of its
// map once; the same function reads the file, describes the keys, and lists a Config's values, so
// that these three cannot drift apart. Short-lived, one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/config/config_rules.h"
#include "controlplane/config/diagnostics.h"
#include "controlplane/config/yaml_reader.h"

namespace vipgate {

// One key that the reader knows, at a path such as "ports[].vlan" or "control.cpus[]".
struct KeyInfo {
  std::string path;
  ValueInfo value;
  bool required = false;
  // As written in the file; none for required keys and for what a service inherits.
  std::optional<std::string> default_value;
  bool single_allowed = false;  // a list of which a single item may stand without brackets
};

// Where the results go: exactly one of the pointers is set.
struct SectionOutput {
  Diagnostics* diagnostics = nullptr;                                  // read a file
  std::vector<KeyInfo>* keys = nullptr;                                // describe
  std::vector<std::pair<std::string, std::string>>* values = nullptr;  // list path and value
};

class Section {
 public:
  // `node` is nullptr where the file says nothing, and unless reading.
  Section(SectionOutput output, const YamlNode* node, std::string path);

  // Defaults are taken from elsewhere in the file: do not describe them.
  void inherit_defaults() { inherits_ = true; }
  // Whether a file is read (else keys are described, or values listed).
  bool reading() const { return output_.diagnostics != nullptr; }
  SourcePosition position() const { return node_ ? node_->position : SourcePosition{}; }

  template <class T>
  void value(std::string_view key, T& target, const Rule<T>& rule) {
    one(key, target, rule, false);
  }

  template <class T>
  void required(std::string_view key, T& target, const Rule<T>& rule) {
    one(key, target, rule, true);
  }

  // A list of at least `min_items` single values; with `single_allowed`, also one without brackets.
  template <class T>
  void list(std::string_view key, std::vector<T>& target, const Rule<T>& rule, size_t min_items = 0,
            bool single_allowed = false) {
    const bool required = min_items > 0 && target.empty();
    describe_list(key, required, min_items, single_allowed, print_list(target, rule));
    if (output_.keys) output_.keys->push_back({path(key) + "[]", rule.info, false, {}, false});
    const YamlNode* node = find_list(key, required, min_items > 0, single_allowed);
    if (node == nullptr) return;
    target.clear();
    const bool single = node->kind == YamlNode::Kind::kScalar;
    const size_t count = single ? 1 : node->children.size();
    for (size_t i = 0; i < count && !output_.diagnostics->full(); ++i) {
      const YamlNode& item = single ? *node : *node->children[i];
      auto parsed = rule.parse(item);
      // A bad item keeps its place, so that indices here and in the file stay the same.
      if (!parsed) error(item.position, key, parsed.error());
      target.push_back(parsed ? std::move(parsed.value()) : T{});
    }
    if (count < min_items) error(node->position, key, "the list is empty; write at least one item");
  }

  // A map; `read` gets its Section.
  template <class Read>
  void map(std::string_view key, Read read) {
    Section section(output_, begin_map(key), path(key));
    if (inherits_) section.inherit_defaults();
    read(section);
    section.finish();
  }

  // A list of maps; each starts as a copy of `initial`; `read` gets its Section and the element.
  template <class T, class Read>
  void maps(std::string_view key, std::vector<T>& target, const T& initial, Read read) {
    const auto label = [&](size_t i) {
      if constexpr (requires { target[i].name; }) return target[i].name;
      return std::to_string(i);
    };
    std::string labels;
    for (size_t i = 0; i < target.size(); ++i) labels += (i > 0 ? ", " : "") + label(i);
    describe_list(key, false, 0, false, "[" + labels + "]");
    const auto one_element = [&](const YamlNode* item, std::string item_path, T& element) {
      Section section(output_, item, std::move(item_path));
      read(section, element);
      section.finish();
    };
    if (output_.keys) {
      T element = initial;
      one_element(nullptr, path(key) + "[]", element);
    } else if (output_.values) {
      for (size_t i = 0; i < target.size(); ++i) {
        one_element(nullptr, path(key) + "." + label(i), target[i]);
      }
    } else if (const YamlNode* node = find_list(key, false, false, false)) {
      for (const YamlNodePtr& item : node->children) {
        if (output_.diagnostics->full()) break;
        target.push_back(initial);
        if (is_map(*item, key)) one_element(item.get(), "", target.back());
      }
    }
  }

  // Reports keys that nobody asked for and repeated ones. Call it once, last.
  void finish();

 private:
  template <class T>
  void one(std::string_view key, T& target, const Rule<T>& rule, bool required) {
    if (output_.values) output_.values->emplace_back(path(key), rule.print(target));
    if (output_.keys) {
      std::optional<std::string> initial;
      if (!required && !inherits_) initial = rule.print(target);
      output_.keys->push_back({path(key), rule.info, required, initial, false});
    }
    const YamlNode* node = find(key, required);
    if (node == nullptr) return;
    auto parsed = rule.parse(*node);
    if (parsed) {
      target = std::move(parsed.value());
    } else {
      error(node->position, key, parsed.error());
    }
  }

  template <class T>
  static std::string print_list(const std::vector<T>& items, const Rule<T>& rule) {
    std::string out = "[";
    for (const T& item : items) out += (out.size() > 1 ? ", " : "") + rule.print(item);
    return out + "]";
  }

  const YamlNode* find(std::string_view key, bool required);
  const YamlNode* begin_map(std::string_view key);
  // The list's node if the file has one that is right, else nullptr.
  const YamlNode* find_list(std::string_view key, bool required, bool null_refused,
                            bool single_allowed);
  void describe_list(std::string_view key, bool required, size_t min_items, bool single_allowed,
                     std::string printed);
  bool is_map(const YamlNode& item, std::string_view key);
  std::string path(std::string_view key) const;
  void error(SourcePosition position, std::string_view key, const std::string& message);
  void unknown_key(const YamlNode& name);

  SectionOutput output_;
  const YamlNode* node_;
  std::string path_;
  bool inherits_ = false;
  std::vector<std::string_view> known_;  // string literals of the section's function
};

}  // namespace vipgate
