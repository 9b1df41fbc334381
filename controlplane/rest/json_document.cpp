#include "controlplane/rest/json_document.h"

#include <simdjson.h>

#include <cctype>
#include <map>
#include <memory>
#include <utility>

#include "common/json_text.h"

namespace vipgate {
namespace {

// As deep as YAML may be.
constexpr size_t kMaxJsonDocumentDepth = 32;
// A node takes sixty times the memory of the two octets that may stand for it.
constexpr int kMaxJsonNodes = 4'000'000;

class JsonTree {
 public:
  bool is_too_large() const { return count_ > kMaxJsonNodes; }

  // REQUIRES: what it makes is not used if it is too large.
  YamlNodePtr node_of(const simdjson::dom::element& element) {
    auto node = std::make_shared<YamlNode>();
    node->position = {++count_, 1};
    switch (element.type()) {
      case simdjson::dom::element_type::NULL_VALUE:
        break;
      case simdjson::dom::element_type::ARRAY:
        node->kind = YamlNode::Kind::kList;
        for (const auto item : simdjson::dom::array(element)) {
          if (is_too_large()) break;
          node->children.push_back(node_of(item));
        }
        break;
      case simdjson::dom::element_type::OBJECT:
        node->kind = YamlNode::Kind::kMap;
        for (const auto [key, value] : simdjson::dom::object(element)) {
          if (is_too_large()) break;
          node->children.push_back(text(key));
          node->children.push_back(node_of(value));
        }
        break;
      case simdjson::dom::element_type::STRING:
        node->kind = YamlNode::Kind::kScalar;
        node->quoted = true;
        node->scalar = std::string_view(element);
        break;
      default:
        // Numbers as they are printed shortest; 80 and 80.0 are not the same to the reader.
        node->kind = YamlNode::Kind::kScalar;
        node->scalar = simdjson::minify(element);
    }
    return node;
  }

 private:
  YamlNodePtr text(std::string_view value) {
    auto node = std::make_shared<YamlNode>();
    node->position = {++count_, 1};
    node->kind = YamlNode::Kind::kScalar;
    node->quoted = true;
    node->scalar = value;
    return node;
  }

  int count_ = 0;
};

// RFC 8259 6.
bool is_json_number(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t from = at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) ++at;
    return at > from;
  };
  if (at < text.size() && text[at] == '-') ++at;
  if (at < text.size() && text[at] == '0') {
    ++at;
  } else if (!digits()) {
    return false;
  }
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits()) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!digits()) return false;
  }
  return at == text.size();
}

void write_json(const YamlNode& node, std::string& out) {
  const auto& children = node.children;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      out += "null";
      return;
    case YamlNode::Kind::kScalar: {
      const bool is_plain = !node.quoted && (node.scalar == "true" || node.scalar == "false" ||
                                             is_json_number(node.scalar));
      out += is_plain ? node.scalar : json_quote(node.scalar);
      return;
    }
    case YamlNode::Kind::kList:
      out += '[';
      for (size_t i = 0; i < children.size(); ++i) {
        if (i != 0) out += ',';
        write_json(*children[i], out);
      }
      out += ']';
      return;
    case YamlNode::Kind::kMap:
      out += '{';
      for (size_t i = 0; i + 1 < children.size(); i += 2) {
        if (i != 0) out += ',';
        out += json_quote(children[i]->scalar) + ":";
        write_json(*children[i + 1], out);
      }
      out += '}';
  }
}

// Looks once through a tree for many positions. An alias shares its anchor's nodes, and so may be
// looked through many times: at most so often, in all.
class FieldFinder {
 public:
  explicit FieldFinder(const std::vector<SourcePosition>& positions) {
    for (size_t i = 0; i < positions.size(); ++i) {
      wanted_[{positions[i].line, positions[i].column}].push_back(i);
    }
    fields_.resize(positions.size());
  }

  // The deepest node of a position comes first, and is what counts.
  void look(const YamlNode& node) {
    if (wanted_.empty() || ++looked_at_ > 2 * kMaxJsonNodes) return;
    const size_t length = path_.size();
    const bool is_map = node.kind == YamlNode::Kind::kMap;
    for (size_t i = 0; i < node.children.size(); i += is_map ? 2 : 1) {
      if (is_map) {
        if (length != 0) path_ += '.';
        path_ += node.children[i]->scalar;
        if (i + 1 < node.children.size()) look(*node.children[i + 1]);
        note(*node.children[i]);
      } else {
        path_ += '[' + std::to_string(i) + ']';
        look(*node.children[i]);
      }
      path_.resize(length);
    }
    note(node);
  }

  std::vector<std::string> take() { return std::move(fields_); }

 private:
  void note(const YamlNode& node) {
    const auto found = wanted_.find({node.position.line, node.position.column});
    if (found == wanted_.end()) return;
    for (const size_t i : found->second) fields_[i] = path_;
    wanted_.erase(found);
  }

  std::map<std::pair<int, int>, std::vector<size_t>> wanted_;
  std::vector<std::string> fields_;
  std::string path_;
  int looked_at_ = 0;
};

}  // namespace

YamlNodePtr read_json(std::string_view text, Diagnostics& diagnostics) {
  simdjson::dom::parser parser;
  if (const auto error = parser.allocate(text.size(), kMaxJsonDocumentDepth)) {
    diagnostics.error({}, std::string("the body cannot be read: ") + error_message(error));
    return nullptr;
  }
  simdjson::dom::element root;
  if (const auto error = parser.parse(text.data(), text.size(), true).get(root)) {
    diagnostics.error({}, std::string("the body is not JSON: ") + error_message(error));
    return nullptr;
  }
  JsonTree tree;
  YamlNodePtr node = tree.node_of(root);
  if (!tree.is_too_large()) return node;
  diagnostics.error({}, "the body has more than " + std::to_string(kMaxJsonNodes) +
                            " values and keys; send fewer services at a time");
  return nullptr;
}

std::string to_json(const YamlNode& node) {
  std::string out;
  write_json(node, out);
  return out;
}

std::vector<std::string> fields_at(const YamlNode& root,
                                   const std::vector<SourcePosition>& positions) {
  FieldFinder finder(positions);
  finder.look(root);
  return finder.take();
}

}  // namespace vipgate
