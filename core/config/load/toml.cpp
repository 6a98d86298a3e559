// See toml.hpp. toml++'s recursion is bounded twice: values may nest 32 deep, and find_deep_key()
// refuses long dotted keys, which toml++ builds without a limit and destroys recursively.
#include "core/config/load/toml.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <utility>

#define TOML_EXCEPTIONS 0
#define TOML_MAX_NESTED_VALUES 32
#include <toml++/toml.h>

#include "core/base/io/fd.hpp"
#include "core/base/printable.hpp"

namespace fcvm::config {

namespace {

constexpr std::size_t kLargestFile = 1024 * 1024;
constexpr std::size_t kDeepestKey = 32;

/// Opening a FIFO or a device must neither block nor do anything.
Result<void> check_regular(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno("looking at it");
  if (S_ISDIR(status.st_mode)) return fail(EISDIR, "is a directory, not a file");
  if (!S_ISREG(status.st_mode)) return fail(EINVAL, "is not a regular file");
  return {};
}

/// The whole file, with the limits that keep a hostile one harmless. ENOENT and ENOTDIR when there
/// is no such file.
Result<std::string> read_file(const std::filesystem::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return fail_errno("cannot be read");
  FCVM_TRY(check_regular(file.get()));
  auto text = base::read_all(file.get(), kLargestFile);
  if (text || text.error().code() != EFBIG) return std::move(text) | context("cannot be read");
  return fail(EFBIG, "is larger than 1 MiB, which no configuration is");
}

/// The place of the first text that is not UTF-8: toml++ names the place before it. Columns count
/// characters, as toml++'s do.
std::optional<Position> find_bad_utf8(std::string_view text) {
  Position here{1, 1};
  while (!text.empty()) {
    const std::size_t length = base::utf8_length(text);
    if (length == 0) return here;
    if (text.front() == '\n') {
      here = {here.line + 1, 1};
    } else {
      ++here.column;
    }
    text.remove_prefix(length);
  }
  return std::nullopt;
}

/// Length of the string or comment that begins at the front of `text`; 0 when none does. A string
/// that does not end takes the rest: toml++ stops there too, and says so.
std::size_t skipped_length(std::string_view text) {
  const char quote = text.front();
  if (quote == '#') return std::min(text.find('\n'), text.size());
  if (quote != '"' && quote != '\'') return 0;
  const bool multiline = text.size() > 2 && text[1] == quote && text[2] == quote;
  const std::size_t width = multiline ? 3 : 1;
  for (std::size_t i = width; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (text.substr(i, width) == std::string_view(text.data(), width)) {
      return i + width;
    }
  }
  return text.size();
}

/// Where the first key with more than kDeepestKey parts stands.
std::optional<Position> find_deep_key(std::string_view text) {
  std::size_t dots = 0;
  std::uint32_t line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t skipped = skipped_length(text.substr(i));
    if (skipped != 0) {
      const std::string_view inside = text.substr(i, skipped);
      line += static_cast<std::uint32_t>(std::count(inside.begin(), inside.end(), '\n'));
      i += skipped;
      if (const auto newline = inside.rfind('\n'); newline != std::string_view::npos) {
        line_start = i - skipped + newline + 1;
      }
      continue;
    }
    const char c = text[i];
    if (c == '.') {
      if (++dots >= kDeepestKey) {
        return Position{line, static_cast<std::uint32_t>(i - line_start + 1)};
      }
    } else if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) {
      dots = 0;
    }
    ++i;
    if (c == '\n') {
      ++line;
      line_start = i;
    }
  }
  return std::nullopt;
}

Position position(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

template <typename T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

Node convert(const toml::node& node);

Node convert_table(const toml::table& table) {
  Node out;
  for (const auto& [key, value] : table) {
    out.members.push_back({std::string(key.str()), position(key.source()), convert(value)});
  }
  return out;
}

Node convert_array(const toml::array& array) {
  Node out;
  out.kind = Node::Kind::kArray;
  for (const toml::node& item : array) out.items.push_back(convert(item));
  return out;
}

Node convert_scalar(const toml::node& node) {
  Node out;
  if (const auto* text = node.as_string()) {
    out.kind = Node::Kind::kText;
    out.text = text->get();
  } else if (const auto* flag = node.as_boolean()) {
    out.kind = Node::Kind::kBoolean;
    out.boolean = flag->get();
    out.text = out.boolean ? "true" : "false";
  } else if (const auto* number = node.as_integer()) {
    out.kind = Node::Kind::kInteger;
    out.integer = number->get();
    out.text = std::to_string(out.integer);
  } else if (const auto* real = node.as_floating_point()) {
    out.kind = Node::Kind::kFloat;
    out.text = printed(*real);
  } else {
    out.kind = Node::Kind::kTime;
  }
  return out;
}

Node convert(const toml::node& node) {
  Node out;
  if (const auto* table = node.as_table()) {
    out = convert_table(*table);
  } else if (const auto* array = node.as_array()) {
    out = convert_array(*array);
  } else {
    out = convert_scalar(node);
  }
  out.at = position(node.source());
  return out;
}

/// "parsing table header: expected ']', saw '\n'", without what only toml++'s users understand.
std::string message_of(const toml::parse_error& error) {
  std::string text(error.description());
  for (std::string_view noise : {"Error while ", " (TOML_MAX_NESTED_VALUES)"}) {
    const std::size_t at = text.find(noise);
    if (at != std::string::npos) text.erase(at, noise.size());
  }
  return "not valid TOML: " + text;
}

}  // namespace

bool parse_document(std::string_view text, Document& document, Problems& problems) {
  if (const auto bad = find_bad_utf8(text)) {
    problems.add(document.origin(*bad), "not valid UTF-8");
    return false;
  }
  if (const auto deep = find_deep_key(text)) {
    problems.add(document.origin(*deep), "a key of more than " + std::to_string(kDeepestKey) +
                                             " parts, which no option has");
    return false;
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    problems.add(document.origin(position(parsed.error().source())), message_of(parsed.error()));
    return false;
  }
  document.root = convert_table(parsed.table());
  return true;
}

bool read_document(Layer layer, const std::filesystem::path& path, Absent absent,
                   Document& document, Problems& problems) {
  document.layer = layer;
  document.path = path.string();
  const Result<std::string> text = read_file(path);
  if (text) return parse_document(*text, document, problems);
  const int code = text.error().code();
  const bool missing = code == ENOENT || code == ENOTDIR;
  if (!missing || absent == Absent::kProblem) {
    problems.add(document.origin({}), text.error().message());
  }
  return false;
}

std::string_view describe(Node::Kind kind) {
  constexpr std::array<std::string_view, 7> kNames{
      "a text", "a boolean", "a whole number", "a fraction", "a time", "a list", "a table"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += {kHex[byte >> 4U], kHex[byte & 15U]};
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string toml_key(const std::string& key) {
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    const bool bare = byte < 0x80 && (std::isalnum(byte) != 0 || c == '-' || c == '_');
    if (!bare) return quote(key);
  }
  return key.empty() ? quote(key) : key;
}

std::string toml_text(const Option& option, const Value& value) {
  if (std::holds_alternative<bool>(value) || std::holds_alternative<std::int64_t>(value)) {
    return to_text(option, value);
  }
  std::string out;
  if (const auto* list = std::get_if<List>(&value)) {
    for (const std::string& item : *list) out += (out.empty() ? "" : ", ") + quote(item);
    return "[" + out + "]";
  }
  if (const auto* map = std::get_if<Map>(&value)) {
    for (const auto& [key, text] : *map) {
      out += (out.empty() ? " " : ", ") + toml_key(key) + " = " + quote(text);
    }
    return "{" + out + (out.empty() ? "}" : " }");
  }
  return quote(to_text(option, value));
}

}  // namespace fcvm::config
