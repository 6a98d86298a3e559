// A TOML file as a small tree with positions, and values as TOML: all that the rest of core/config
// sees of TOML, whose parser is included in toml.cpp alone because it takes long to compile.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/config/option.hpp"
#include "core/config/origin.hpp"
#include "core/config/problem.hpp"

namespace fcvm::config {

struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Member;

struct Node {
  enum class Kind { kText, kBoolean, kInteger, kFloat, kTime, kArray, kTable };

  Kind kind = Kind::kTable;
  Position at{};
  std::string text{};  // of a scalar: a text as it is, the rest as a user would write it
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<Node> items{};    // of an array
  std::vector<Member> members;  // of a table, sorted by key; no {}: Member is incomplete here

  [[nodiscard]] bool is_table() const { return kind == Kind::kTable; }
};

struct Member {
  std::string key{};
  Position at{};
  Node value{};
};

/// "a list", "a whole number": what a value is, when it is not what was expected.
[[nodiscard]] std::string_view describe(Node::Kind kind);

struct Document {
  Layer layer = Layer::kFile;
  std::string path{};
  Node root{};

  [[nodiscard]] Origin origin(Position at) const { return {layer, path, at.line, at.column, {}}; }
};

enum class Absent { kFine, kProblem };

/// Reads a file of at most 1 MiB. False when it was absent (and that is fine) or unusable (and
/// `problems` says why).
[[nodiscard]] bool read_document(Layer layer, const std::filesystem::path& path, Absent absent,
                                 Document& document, Problems& problems);

/// The same for a text; `document.path` is where it came from.
[[nodiscard]] bool parse_document(std::string_view text, Document& document, Problems& problems);

/// A text in the quotes and escapes of TOML.
[[nodiscard]] std::string quote(std::string_view text);

[[nodiscard]] std::string toml_text(const Option& option, const Value& value);

/// A key, in quotes where TOML wants them.
[[nodiscard]] std::string toml_key(const std::string& key);

}  // namespace fcvm::config
