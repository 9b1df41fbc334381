#include "controlplane/config/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>
#include <unordered_map>

#include "common/utf8.h"

namespace vipgate {
namespace {

constexpr size_t kMaxYamlDepth = 32;
// Aliases of aliases multiply: a few hundred bytes could stand for billions of nodes.
constexpr size_t kMaxAliasedNodes = 1'000'000;

SourcePosition position_of(const YAML::Mark& mark) {
  return mark.is_null() ? SourcePosition{1, 1} : SourcePosition{mark.line + 1, mark.column + 1};
}

// Stops the parser; caught in read_yaml().
struct Refused {
  SourcePosition position;
  std::string message;
};

// Builds the tree from yaml-cpp's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  YamlNodePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) {
      throw Refused{position_of(mark),
                    "a second document starts here; the file must hold one document, remove '---'"};
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = make(YamlNode::Kind::kNull, mark);
    // The parser says where the next thing stands, often a line below: blame the key instead.
    if (!open_.empty() && open_.back().node->kind == YamlNode::Kind::kMap &&
        open_.back().node->children.size() % 2 == 1) {
      node->position = open_.back().node->children.back()->position;
    }
    add(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refused{position_of(mark), "the alias stands inside of its own anchor; remove it"};
    }
    aliased_nodes_ += found->second.size;
    if (aliased_nodes_ > kMaxAliasedNodes) {
      throw Refused{position_of(mark), "aliases repeat more than " +
                                           std::to_string(kMaxAliasedNodes) +
                                           " nodes; write fewer of them"};
    }
    attach(found->second.node, found->second.size);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    auto node = make(YamlNode::Kind::kScalar, mark);
    node->quoted = tag == "!";
    node->scalar = value;
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(YamlNode::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor;
    size_t size = 1;
  };
  struct Anchored {
    YamlNodePtr node;
    size_t size;  // nodes in it, aliases counted in full
  };

  static std::shared_ptr<YamlNode> make(YamlNode::Kind kind, const YAML::Mark& mark) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->position = position_of(mark);
    return node;
  }

  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refused{position_of(mark), "the tag '" + tag + "' is not supported; remove it"};
    }
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    refuse_tag(mark, tag);
    if (open_.size() >= kMaxYamlDepth) {
      throw Refused{position_of(mark), "lists and maps are nested more than " +
                                           std::to_string(kMaxYamlDepth) +
                                           " deep; no key needs that, check the brackets"};
    }
    open_.push_back({make(kind, mark), anchor});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) anchors_[done.anchor] = {done.node, done.size};
    attach(std::move(done.node), done.size);
  }

  void add(std::shared_ptr<YamlNode> node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = {node, 1};
    attach(std::move(node), 1);
  }

  void attach(YamlNodePtr node, size_t size) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else {
      open_.back().node->children.push_back(std::move(node));
      open_.back().size += size;
    }
  }

  YamlNodePtr root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  size_t aliased_nodes_ = 0;
  int documents_ = 0;
};

// yaml-cpp takes the byte 0x04 for the end of the file and guesses other encodings: let only plain
// text through to it. Returns false after having said why.
bool check_text(std::string_view text, Diagnostics& diagnostics) {
  if (text.size() > kMaxYamlBytes) {
    diagnostics.error({1, 1}, "the file has " + std::to_string(text.size()) + " bytes; at most " +
                                  std::to_string(kMaxYamlBytes) + " are read");
    return false;
  }
  SourcePosition position{1, 1};
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control =
        (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f;
    const size_t length = control ? 0 : utf8_length(text.substr(i));
    if (length == 0) {
      static constexpr char kHex[] = "0123456789abcdef";
      diagnostics.error(position, std::string("the byte 0x") + kHex[byte >> 4] + kHex[byte & 15] +
                                      " is not text here; the file must be plain UTF-8");
      return false;
    }
    i += length;
    position.column += static_cast<int>(length);
    if (byte == '\n') position = {position.line + 1, 1};
  }
  return true;
}

std::string syntax_message(const std::string& what) {
  std::string message = "YAML syntax: " + what;
  if (what.find("end of map") != std::string::npos ||
      what.find("end of sequence") != std::string::npos) {
    message += "; check the indentation, and brackets, commas and quotes";
  } else if (what.find("illegal map value") != std::string::npos) {
    message += "; put a text that holds ': ' in quotes, and indent with spaces only";
  } else if (what.find("anchor is not defined") != std::string::npos) {
    message += "; write the anchor, '&' and its name, before the alias, or a text in quotes";
  } else {
    message += "; check quotes, brackets and indentation (spaces, no tabs)";
  }
  return message;
}

// An istream over memory that is not copied.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // only ever read
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

YamlNodePtr read_yaml(std::string_view text, Diagnostics& diagnostics) {
  if (!check_text(text, diagnostics)) return nullptr;
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    if (builder.root()) return builder.root();
    auto empty = std::make_shared<YamlNode>();
    empty->position = {1, 1};
    return empty;
  } catch (const Refused& refused) {
    diagnostics.error(refused.position, refused.message);
  } catch (const YAML::Exception& exception) {
    diagnostics.error(position_of(exception.mark), syntax_message(exception.msg));
  } catch (const std::exception& exception) {
    diagnostics.error({1, 1}, std::string("the file cannot be read as YAML: ") + exception.what());
  }
  return nullptr;
}

const YamlNode* find_key(const YamlNode& map, std::string_view key) {
  if (map.kind != YamlNode::Kind::kMap) return nullptr;
  for (size_t i = 0; i + 1 < map.children.size(); i += 2) {
    const YamlNode& name = *map.children[i];
    if (name.kind == YamlNode::Kind::kScalar && name.scalar == key) {
      return map.children[i + 1].get();
    }
  }
  return nullptr;
}

SourcePosition position_at(const YamlNode& root, std::initializer_list<YamlStep> path) {
  const YamlNode* node = &root;
  for (const YamlStep& step : path) {
    const YamlNode* next = nullptr;
    if (const auto* key = std::get_if<std::string_view>(&step)) {
      next = find_key(*node, *key);
    } else if (node->kind == YamlNode::Kind::kList) {
      const size_t index = std::get<size_t>(step);
      if (index < node->children.size()) next = node->children[index].get();
    }
    // A single value may stand where a list could: the step into it is the value itself.
    if (next != nullptr) node = next;
  }
  return node->position;
}

std::string_view kind_name(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kScalar:
      return "a single value";
    case YamlNode::Kind::kList:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
  }
  return "";
}

}  // namespace vipgate
