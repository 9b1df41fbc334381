#include "controlplane/rest/json_document.h"

#include <simdjson.h>

#include <cctype>
#include <memory>
#include <utility>

#include "common/json_text.h"

namespace vipgate {
namespace {

// As deep as YAML may be.
constexpr size_t kMaxJsonDocumentDepth = 32;

class JsonTree {
 public:
  YamlNodePtr node_of(const simdjson::dom::element& element) {
    auto node = std::make_shared<YamlNode>();
    node->position = {++count_, 1};
    switch (element.type()) {
      case simdjson::dom::element_type::NULL_VALUE:
        break;
      case simdjson::dom::element_type::ARRAY:
        node->kind = YamlNode::Kind::kList;
        for (const auto item : simdjson::dom::array(element)) {
          node->children.push_back(node_of(item));
        }
        break;
      case simdjson::dom::element_type::OBJECT:
        node->kind = YamlNode::Kind::kMap;
        for (const auto [key, value] : simdjson::dom::object(element)) {
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

// SourcePosition has an equality of its own, which is always true.
bool is_at(const YamlNode& node, SourcePosition position) {
  return node.position.line == position.line && node.position.column == position.column;
}

// The deepest node of that position; false: none below `node`.
bool find_field(const YamlNode& node, SourcePosition position, std::string& path) {
  const size_t length = path.size();
  const bool is_map = node.kind == YamlNode::Kind::kMap;
  for (size_t i = 0; i < node.children.size(); i += is_map ? 2 : 1) {
    path.resize(length);
    if (is_map) {
      if (length != 0) path += '.';
      path += node.children[i]->scalar;
      if (i + 1 < node.children.size() && find_field(*node.children[i + 1], position, path)) {
        return true;
      }
      if (is_at(*node.children[i], position)) return true;
    } else {
      path += '[' + std::to_string(i) + ']';
      if (find_field(*node.children[i], position, path)) return true;
    }
  }
  path.resize(length);
  return is_at(node, position);
}

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
  return JsonTree().node_of(root);
}

std::string to_json(const YamlNode& node) {
  std::string out;
  write_json(node, out);
  return out;
}

std::string field_at(const YamlNode& root, SourcePosition position) {
  std::string path;
  return find_field(root, position, path) ? path : std::string();
}

}  // namespace vipgate
