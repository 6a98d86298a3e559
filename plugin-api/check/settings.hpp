// The values that a host would give a plugin, made from its option table: defaults, what `--set`
// says, and a plausible value for what is required.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcvm/abi.h>
#include <fcvm/result.hpp>

namespace fcvm::check {

/// What an option's text means in its type.
struct Value {
  std::uint32_t type = 0;
  std::string text;
  std::int64_t number = 0;
  std::vector<std::string> items;
};
[[nodiscard]] std::optional<Value> parse_value(std::uint32_t type, const std::string& text);
[[nodiscard]] const char* type_name(std::uint32_t type);
/// "a|b" as its parts.
[[nodiscard]] std::vector<std::string> split_choices(const std::string& choices);

/// An fcvm_settings and everything it points to.
class Settings {
 public:
  /// `tail` bytes of garbage follow every struct, as from a host with a newer interface.
  explicit Settings(std::size_t tail = 0) : tail_(tail) {}

  void add(const char* name, const Value& value);
  /// As it is: for what no host would send. `name` must outlive this.
  void add_raw(const char* name, std::uint32_t type, const char* text);
  [[nodiscard]] const fcvm_settings* get();

 private:
  fcvm_setting& push();
  std::size_t tail_;
  std::deque<std::vector<std::byte>> rows_;
  std::deque<Value> values_;
  std::deque<std::string> names_;
  std::deque<std::vector<const char*>> lists_;
  std::vector<const fcvm_setting*> pointers_;
  std::vector<std::byte> head_;
};

using Named = std::vector<std::pair<std::string, Value>>;
struct Guessed {
  Named values;
  std::string guesses;  // the required options for which a value had to be made up: "url, port"
};
/// What to create the plugin with.
[[nodiscard]] Result<Guessed> guess_settings(
    const std::vector<fcvm_option>& options,
    const std::vector<std::pair<std::string, std::string>>& given);

[[nodiscard]] Settings make_settings(const Named& values, std::size_t tail = 0);

}  // namespace fcvm::check
