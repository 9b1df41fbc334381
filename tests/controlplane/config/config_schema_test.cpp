// The key tables of the reader, the annotated file and the JSON schema must tell the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "controlplane/config/config_reader.h"

namespace vipgate::config_schema_test {
namespace {

// JSON is YAML: one reader does for both.
YamlNodePtr load(const std::string& name) {
  std::ifstream file(VIPGATE_SOURCE_DIR "/config/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  Diagnostics diagnostics(name);
  YamlNodePtr root = read_yaml(text.view(), diagnostics);
  EXPECT_NE(root, nullptr) << diagnostics.text();
  return root;
}

std::string text_of(const YamlNode* node) {
  if (node == nullptr) return "(absent)";
  if (node->kind != YamlNode::Kind::kList) return node->scalar;
  std::string out = "[";
  for (const auto& item : node->children) out += (out.size() > 1 ? ", " : "") + item->scalar;
  return out + "]";
}

std::string text_of(const std::optional<int64_t>& number) {
  return number ? std::to_string(*number) : "(absent)";
}

const YamlNode& child(const YamlNode& node, std::string_view key) {
  static const YamlNode kNothing;
  const YamlNode* found = find_key(node, key);
  return found != nullptr ? *found : kNothing;
}

// Flattens a schema into what config_keys() speaks of: path → node.
void collect(const YamlNode& schema, const std::string& path,
             std::map<std::string, const YamlNode*>& out, std::map<std::string, bool>& required) {
  EXPECT_EQ(text_of(find_key(schema, "additionalProperties")), "false") << path;
  std::set<std::string> needed;
  for (const auto& name : child(schema, "required").children) needed.insert(name->scalar);
  const YamlNode& properties = child(schema, "properties");
  for (size_t i = 0; i + 1 < properties.children.size(); i += 2) {
    const std::string& name = properties.children[i]->scalar;
    const YamlNode& node = *properties.children[i + 1];
    const std::string here = path.empty() ? name : path + "." + name;
    out[here] = &node;
    required[here] = needed.erase(name) > 0;
    if (find_key(node, "properties") != nullptr) collect(node, here, out, required);
    const YamlNode* items = find_key(node, "items");
    const YamlNode& choices = child(node, "anyOf");
    if (items == nullptr && choices.children.size() == 2) {
      items = find_key(*choices.children[1], "items");  // a single one, or a list of them
    }
    if (items == nullptr) continue;
    if (find_key(*items, "properties") != nullptr) {
      collect(*items, here + "[]", out, required);
    } else {
      out[here + "[]"] = items;
      required[here + "[]"] = false;
    }
  }
  EXPECT_TRUE(needed.empty()) << path << " requires a property that it does not have";
}

void expect_same_value(const KeyInfo& key, const YamlNode& node) {
  const auto attribute = [&](const char* name) { return text_of(find_key(node, name)); };
  switch (key.value.type) {
    case KeyType::kMap:
      EXPECT_EQ(attribute("type"), "[object, null]");
      break;
    case KeyType::kList:
      if (key.single_allowed) {
        EXPECT_EQ(text_of(find_key(*child(node, "anyOf").children.at(0), "type")), "string");
      } else if (key.value.min == 0) {
        EXPECT_EQ(attribute("type"), "[array, null]");
      } else {
        EXPECT_EQ(attribute("type"), "array");
        EXPECT_EQ(attribute("minItems"), text_of(key.value.min));
      }
      break;
    case KeyType::kText:
      EXPECT_EQ(attribute("type"), "string");
      break;
    case KeyType::kTextOrInteger:
      EXPECT_EQ(attribute("type"), "[string, integer]");
      break;
    case KeyType::kBoolean:
      EXPECT_EQ(attribute("type"), "boolean");
      break;
    case KeyType::kInteger:
      EXPECT_EQ(attribute("type"), "integer");
      EXPECT_EQ(attribute("minimum"), text_of(key.value.min));
      EXPECT_EQ(attribute("maximum"), text_of(key.value.max));
      break;
    case KeyType::kChoice: {
      std::vector<std::string> words;
      for (const auto& word : child(node, "enum").children) words.push_back(word->scalar);
      EXPECT_EQ(words, key.value.words);
      break;
    }
    case KeyType::kChoiceOrMap: {
      const auto& choices = child(node, "anyOf").children;
      ASSERT_EQ(choices.size(), 2u);
      std::vector<std::string> words;
      for (const auto& word : child(*choices[0], "enum").children) words.push_back(word->scalar);
      EXPECT_EQ(words, key.value.words);
      EXPECT_EQ(text_of(find_key(*choices[1], "type")), "object");
      break;
    }
    case KeyType::kAutoOrInteger: {
      const auto& choices = child(node, "anyOf").children;
      ASSERT_EQ(choices.size(), 2u);
      EXPECT_EQ(text_of(find_key(*choices[0], "const")), "auto");
      EXPECT_EQ(text_of(find_key(*choices[1], "type")), "integer");
      EXPECT_EQ(text_of(find_key(*choices[1], "minimum")), text_of(key.value.min));
      EXPECT_EQ(text_of(find_key(*choices[1], "maximum")), text_of(key.value.max));
      break;
    }
  }
}

TEST(ConfigSchema, TellsOfEachKeyWhatTheReaderKnows) {
  const YamlNodePtr schema = load("vipgate.schema.json");
  ASSERT_NE(schema, nullptr);
  EXPECT_EQ(text_of(find_key(*schema, "$schema")), "https://json-schema.org/draft/2020-12/schema");
  std::map<std::string, const YamlNode*> nodes;
  std::map<std::string, bool> required;
  collect(*schema, "", nodes, required);
  for (const KeyInfo& key : config_keys()) {
    SCOPED_TRACE(key.path);
    const auto found = nodes.find(key.path);
    if (found == nodes.end()) {
      ADD_FAILURE() << "the schema does not have it";
      continue;
    }
    EXPECT_FALSE(child(*found->second, "description").scalar.empty());
    EXPECT_EQ(text_of(find_key(*found->second, "default")), key.default_value.value_or("(absent)"));
    EXPECT_EQ(required[key.path], key.required);
    expect_same_value(key, *found->second);
    nodes.erase(found);
  }
  for (const auto& [path, node] : nodes) ADD_FAILURE() << path << " is only in the schema";
}

// Every path of a document, in the manner of config_keys().
void collect_paths(const YamlNode& node, const std::string& path,
                   std::map<std::string, std::set<std::string>>& out) {
  if (node.kind == YamlNode::Kind::kMap) {
    if (!path.ends_with("[]") && !path.empty()) out[path];
    for (size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const std::string& name = node.children[i]->scalar;
      collect_paths(*node.children[i + 1], path.empty() ? name : path + "." + name, out);
    }
  } else if (node.kind == YamlNode::Kind::kList) {
    out[path].insert(text_of(&node));
    for (const auto& item : node.children) collect_paths(*item, path + "[]", out);
  } else {
    out[path].insert(node.scalar);
  }
}

TEST(AnnotatedConfig, ShowsEveryKeyWithItsDefault) {
  ASSERT_TRUE(read_config(VIPGATE_SOURCE_DIR "/config/vipgated.yaml").ok());
  const YamlNodePtr root = load("vipgated.yaml");
  ASSERT_NE(root, nullptr);
  std::map<std::string, std::set<std::string>> shown;
  collect_paths(*root, "", shown);
  for (const KeyInfo& key : config_keys()) {
    // Lists that are empty by default are shown with examples, or empty.
    if (key.path == "dpdk.extra_eal_args[]") continue;
    const auto found = shown.find(key.path);
    if (found == shown.end()) {
      ADD_FAILURE() << key.path << " is missing";
      continue;
    }
    if (key.value.type == KeyType::kList && key.default_value == "[]") continue;
    // Several ports or zones may show other values beside the default; one at least shows it.
    if (!key.default_value || key.path == "dns.zones[].services") continue;
    EXPECT_TRUE(found->second.contains(*key.default_value))
        << key.path << " does not show its default, " << *key.default_value;
  }
}

}  // namespace
}  // namespace vipgate::config_schema_test
