#include "controlplane/config/config_section.h"

#include <algorithm>
#include <numeric>

namespace vipgate {
namespace {

constexpr size_t kMaxSuggestionDistance = 2;

// Levenshtein distance of two short texts.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

Section::Section(SectionOutput output, const YamlNode* node, std::string path)
    : output_(output), node_(node), path_(std::move(path)) {}

std::string Section::path(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void Section::error(SourcePosition position, std::string_view key, const std::string& message) {
  output_.diagnostics->error(position, std::string(key) + ": " + message);
}

const YamlNode* Section::find(std::string_view key, bool required) {
  known_.push_back(key);
  if (node_ == nullptr) return nullptr;
  const YamlNode* found = find_key(*node_, key);
  if (found == nullptr && required) {
    error(node_->position, key, "the key is missing here; add it");
  }
  return found;
}

const YamlNode* Section::begin_map(std::string_view key) {
  if (output_.keys) {
    output_.keys->push_back({path(key), {KeyType::kMap, {}, {}, {}}, false, {}, false});
  }
  const YamlNode* node = find(key, false);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return nullptr;
  return is_map(*node, key) ? node : nullptr;
}

void Section::describe_list(std::string_view key, bool required, size_t min_items,
                            bool single_allowed, std::string printed) {
  if (output_.values) output_.values->emplace_back(path(key), printed);
  if (output_.keys == nullptr) return;
  std::optional<std::string> initial;
  if (!required && !inherits_) initial = std::move(printed);
  const auto least = static_cast<int64_t>(min_items);
  output_.keys->push_back(
      {path(key), {KeyType::kList, least, {}, {}}, required, initial, single_allowed});
}

const YamlNode* Section::find_list(std::string_view key, bool required, bool null_refused,
                                   bool single_allowed) {
  const YamlNode* node = find(key, required);
  if (node == nullptr || node->kind == YamlNode::Kind::kList) return node;
  if (node->kind == YamlNode::Kind::kNull && !null_refused) return nullptr;
  if (node->kind == YamlNode::Kind::kScalar && single_allowed) return node;
  error(node->position, key,
        std::string(kind_name(*node)) + " stands here; write a list, as [a, b] or with '- '");
  return nullptr;
}

bool Section::is_map(const YamlNode& item, std::string_view key) {
  if (item.kind == YamlNode::Kind::kMap) return true;
  error(item.position, key,
        std::string(kind_name(item)) + " stands here; write a map, as {key: value}");
  return false;
}

void Section::unknown_key(const YamlNode& name) {
  if (name.kind != YamlNode::Kind::kScalar) {
    output_.diagnostics->error(
        name.position, std::string(kind_name(name)) + " stands here as a key; write a key's name");
    return;
  }
  std::string message = "unknown key " + quote_value(name.scalar) + "; ";
  std::string_view nearest;
  size_t best = kMaxSuggestionDistance + 1;
  if (name.scalar.size() <= 64) {
    for (const std::string_view known : known_) {
      const size_t distance = edit_distance(name.scalar, known);
      // Two edits turn any two letters into any others: at least one must have stayed.
      if (distance < best && distance < std::min(known.size(), name.scalar.size())) {
        best = distance;
        nearest = known;
      }
    }
  }
  if (!nearest.empty()) {
    message += "did you mean '" + std::string(nearest) + "'?";
  } else {
    message += "the keys here are ";
    for (size_t i = 0; i < known_.size(); ++i) {
      message += (i > 0 ? ", " : "") + std::string(known_[i]);
    }
  }
  output_.diagnostics->error(name.position, message);
}

void Section::finish() {
  if (output_.diagnostics == nullptr || node_ == nullptr) return;
  std::vector<const YamlNode*> first(known_.size());
  for (size_t i = 0; i + 1 < node_->children.size() && !output_.diagnostics->full(); i += 2) {
    const YamlNode& name = *node_->children[i];
    const auto known = std::find(known_.begin(), known_.end(), name.scalar);
    if (name.kind != YamlNode::Kind::kScalar || known == known_.end()) {
      unknown_key(name);
      continue;
    }
    const YamlNode*& seen = first[static_cast<size_t>(known - known_.begin())];
    if (seen != nullptr) {
      output_.diagnostics->error(
          name.position, "the key '" + name.scalar + "' stands here again; it is already in line " +
                             std::to_string(seen->position.line) + ", keep one of them");
    } else {
      seen = &name;
    }
  }
}

}  // namespace vipgate
