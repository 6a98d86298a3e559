#include "core/config/load/node_value.hpp"

#include <utility>

namespace fcvm::config {

namespace {

using Kind = Node::Kind;

/// Reads one value; where it does not fit, notes it and answers nothing.
class Reader {
 public:
  Reader(const Option& option, const Document& document, Problems& problems)
      : option_(option), document_(document), problems_(problems) {}

  std::optional<Value> read(const Node& node) {
    switch (option_.type) {
      case Type::kText:
        return text(node);
      case Type::kBoolean:
        return node.kind == Kind::kBoolean ? std::optional<Value>(node.boolean) : misfit(node);
      case Type::kInteger:
        return node.kind == Kind::kInteger ? limited(node, node.integer) : misfit(node);
      case Type::kSize:
      case Type::kDuration:
        return quantity(node);
      case Type::kList:
        return list(node);
      case Type::kMap:
        return map(node);
    }
    return std::nullopt;
  }

 private:
  std::optional<Value> misfit(const Node& node) { return misfit(node, describe_wanted()); }

  std::optional<Value> misfit(const Node& node, const std::string& wanted) {
    return problem(node, "expected " + wanted + ", got " + std::string(describe(node.kind)));
  }

  std::optional<Value> problem(const Node& node, const std::string& message) {
    problems_.add(document_.origin(node.at), "`" + option_.name + "`: " + message);
    return std::nullopt;
  }

  [[nodiscard]] std::string describe_wanted() const {
    if (option_.type == Type::kList) return R"(a list of texts such as ["a", "b"])";
    if (option_.type == Type::kMap) return R"(a table such as { KEY = "value" })";
    return std::string(describe(option_.type));
  }

  std::optional<Value> limited(const Node& node, Value value) {
    const Result<void> limits = check_limits(option_, value);
    if (limits) return value;
    return problem(node, option_.secret ? "not an allowed value" : limits.error().message());
  }

  /// Whoever takes it as C does would see only what is before a NUL.
  [[nodiscard]] static bool has_nul(const Node& node) {
    return node.text.find('\0') != std::string::npos;
  }
  std::optional<Value> nul(const Node& node) {
    return problem(node, "a text cannot have a NUL character in it");
  }

  std::optional<Value> text(const Node& node) {
    if (node.kind != Kind::kText) return misfit(node);
    return has_nul(node) ? nul(node) : limited(node, node.text);
  }

  std::optional<Value> parsed(const Node& node, const std::string& text) {
    Result<Value> value = parse(option_, text);
    if (value) return std::move(*value);
    return problem(node, value.error().message());
  }

  std::optional<Value> quantity(const Node& node) {
    const bool number = node.kind == Kind::kInteger || node.kind == Kind::kFloat;
    return number || node.kind == Kind::kText ? parsed(node, node.text) : misfit(node);
  }

  std::optional<Value> list(const Node& node) {
    if (node.kind != Kind::kArray) return misfit(node);
    List items;
    for (const Node& item : node.items) {
      if (item.kind != Kind::kText) return misfit(item, "a text as an item of the list");
      if (has_nul(item)) return nul(item);
      items.push_back(item.text);
    }
    return limited(node, std::move(items));
  }

  std::optional<Value> map(const Node& node) {
    if (node.kind == Kind::kArray) return pairs(node);
    if (!node.is_table()) return misfit(node);
    Map out;
    for (const Member& member : node.members) {
      if (member.value.kind != Kind::kText) {
        return misfit(member.value, "a text in quotes as the value of `" + member.key + "`");
      }
      if (has_nul(member.value)) return nul(member.value);
      out[member.key] = member.value.text;
    }
    return out;
  }

  /// ["KEY=VALUE"], as on the command line.
  std::optional<Value> pairs(const Node& node) {
    Map out;
    for (const Node& item : node.items) {
      if (item.kind != Kind::kText) return misfit(item, "KEY=VALUE as an item of the list");
      const auto pair = parsed(item, item.text);
      if (!pair) return std::nullopt;
      for (const auto& [key, value] : std::get<Map>(*pair)) out[key] = value;
    }
    return out;
  }

  const Option& option_;
  const Document& document_;
  Problems& problems_;
};

}  // namespace

std::optional<Value> value_of(const Option& option, const Node& node, const Document& document,
                              Problems& problems) {
  return Reader(option, document, problems).read(node);
}

}  // namespace fcvm::config
