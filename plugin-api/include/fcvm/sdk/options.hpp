// An options struct that describes itself: from its members come the option table that the host
// shows and validates, and the values with which a plugin is made.
//
//   struct Options {
//     std::string host = "localhost";
//     std::chrono::nanoseconds interval = std::chrono::seconds(1);
//     static auto table() {
//       return fcvm::options(fcvm::option("host", &Options::host, "whom to ask"),
//                            fcvm::option("interval", &Options::interval, "how often"));
//     }
//   };
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include <fcvm/abi.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/sized.hpp>

namespace fcvm {

/// A number of bytes: written "512M" in TOML.
struct Bytes {
  std::int64_t count = 0;
};

/// A struct for plugins without options.
struct NoOptions {
  static auto table() { return std::tuple<>{}; }
};

template <typename Owner, typename Value>
struct OptionEntry {
  const char* name;
  Value Owner::*member;
  const char* help;
  const char* choices_text = nullptr;
  const char* variable_name = nullptr;
  std::uint32_t flags = 0;

  [[nodiscard]] OptionEntry required() const { return with_flag(FCVM_OPTION_REQUIRED); }
  [[nodiscard]] OptionEntry secret() const { return with_flag(FCVM_OPTION_SECRET); }
  /// "copy|minor": the host refuses anything else.
  [[nodiscard]] OptionEntry choices(const char* text) const {
    OptionEntry copy = *this;
    copy.choices_text = text;
    return copy;
  }
  /// An environment variable that sets it, too: one that other programs know.
  [[nodiscard]] OptionEntry variable(const char* text) const {
    OptionEntry copy = *this;
    copy.variable_name = text;
    return copy;
  }

 private:
  [[nodiscard]] OptionEntry with_flag(std::uint32_t flag) const {
    OptionEntry copy = *this;
    copy.flags |= flag;
    return copy;
  }
};

template <typename Owner, typename Value>
[[nodiscard]] auto option(const char* name, Value Owner::*member, const char* help) {
  return OptionEntry<Owner, Value>{name, member, help};
}

template <typename... Entries>
[[nodiscard]] auto options(Entries... entries) {
  return std::make_tuple(entries...);
}

namespace sdk {

template <typename>
inline constexpr bool kUnsupported = false;

/// How a C++ type is written in an option table: its type, its default as text, its assignment.
template <typename Value>
struct OptionType {
  static constexpr std::uint32_t type() {
    if constexpr (std::is_same_v<Value, std::string>) {
      return FCVM_OPTION_TEXT;
    } else if constexpr (std::is_same_v<Value, bool>) {
      return FCVM_OPTION_BOOLEAN;
    } else if constexpr (std::is_same_v<Value, Bytes>) {
      return FCVM_OPTION_SIZE;
    } else if constexpr (std::is_same_v<Value, std::chrono::nanoseconds>) {
      return FCVM_OPTION_DURATION;
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      return FCVM_OPTION_LIST;
    } else if constexpr (std::is_integral_v<Value>) {
      return FCVM_OPTION_INTEGER;
    } else {
      static_assert(kUnsupported<Value>, "not a type that an option can have");
    }
  }

  /// Empty text means "no default": an option that nobody sets keeps the struct's own value.
  static std::string default_text(const Value& value) {
    if constexpr (std::is_same_v<Value, std::string>) {
      return value;
    } else if constexpr (std::is_same_v<Value, bool>) {
      return value ? "true" : "false";
    } else if constexpr (std::is_same_v<Value, Bytes>) {
      return std::to_string(value.count);
    } else if constexpr (std::is_same_v<Value, std::chrono::nanoseconds>) {
      // Rounded up: 0.5 ms, which nobody can write, must not become "0s".
      const auto ms = (value.count() + 999'999) / 1'000'000;
      return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      return {};
    } else {
      return std::to_string(value);
    }
  }

  /// False when the value does not fit: 70000 for a std::uint16_t.
  [[nodiscard]] static bool assign(Value& to, const fcvm_setting& from) {
    if constexpr (std::is_same_v<Value, std::string>) {
      to = from.text == nullptr ? "" : from.text;
    } else if constexpr (std::is_same_v<Value, Bytes>) {
      to.count = from.number;
    } else if constexpr (std::is_same_v<Value, std::chrono::nanoseconds>) {
      to = std::chrono::nanoseconds(from.number);
    } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
      to.assign(from.items, from.items + from.item_count);
    } else {
      to = static_cast<Value>(from.number);
      const bool kept_sign = (from.number < 0) == (to < Value{});
      return kept_sign && static_cast<std::int64_t>(to) == from.number;
    }
    return true;
  }
};

/// The C table of an options struct; one static per plugin, so its strings live as long as it.
template <typename Options>
class OptionTable {
 public:
  OptionTable() {
    std::apply([this](const auto&... entry) { (this->add(entry), ...); }, Options::table());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (!defaults_[i].empty()) rows_[i].default_value = defaults_[i].c_str();
      pointers_.push_back(&rows_[i]);
    }
  }
  OptionTable(const OptionTable&) = delete;
  OptionTable& operator=(const OptionTable&) = delete;

  [[nodiscard]] const fcvm_option* const* data() const { return pointers_.data(); }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(rows_.size()); }

 private:
  template <typename Entry>
  void add(const Entry& entry) {
    static const Options defaults{};
    using Value = std::decay_t<decltype(defaults.*(entry.member))>;
    auto row = sized<fcvm_option>();
    row.type = OptionType<Value>::type();
    row.name = entry.name;
    row.help = entry.help;
    row.choices = entry.choices_text;
    row.variable = entry.variable_name;
    row.flags = entry.flags;
    rows_.push_back(row);
    // What the user must say has no default, whatever the member holds until then.
    const bool required = (entry.flags & FCVM_OPTION_REQUIRED) != 0;
    defaults_.push_back(required ? std::string()
                                 : OptionType<Value>::default_text(defaults.*(entry.member)));
  }

  std::vector<fcvm_option> rows_;
  std::vector<std::string> defaults_;
  std::vector<const fcvm_option*> pointers_;
};

/// The options that `settings` hold, as the struct. Does not ask for required ones: probe() is
/// asked before anybody has set them.
template <typename Options>
Result<Options> read_settings(const fcvm_settings* settings) {
  Options values{};
  const fcvm_settings given = sized_copy(settings);
  for (const fcvm_setting& setting : sized_elements(given.items, given.count)) {
    if (setting.name == nullptr) return fail(EINVAL, "a setting without a name");
    bool known = false;
    bool right_type = true;
    bool fits = true;
    const auto offer = [&](const auto& entry) {
      if (std::string_view(entry.name) != setting.name) return;
      using Value = std::decay_t<decltype(values.*(entry.member))>;
      known = true;
      right_type = OptionType<Value>::type() == setting.type;
      if (right_type) fits = OptionType<Value>::assign(values.*(entry.member), setting);
    };
    std::apply([&](const auto&... entry) { (offer(entry), ...); }, Options::table());
    if (!known) return fail(EINVAL, std::string("unknown option \"") + setting.name + "\"");
    if (!right_type) {
      return fail(EINVAL, std::string("option \"") + setting.name + "\" has the wrong type");
    }
    if (!fits) {
      return fail(ERANGE, std::string("option \"") + setting.name +
                              "\": " + std::to_string(setting.number) + " is out of range");
    }
  }
  return values;
}

/// Fails when a required option is missing: before create(), by the SDK as well as by the host.
template <typename Options>
Result<void> check_required(const fcvm_settings* settings) {
  const fcvm_settings given = sized_copy(settings);
  const auto rows = sized_elements(given.items, given.count);
  std::string missing;
  const auto look = [&](const auto& entry) {
    if ((entry.flags & FCVM_OPTION_REQUIRED) == 0) return;
    const bool found = std::any_of(rows.begin(), rows.end(), [&](const fcvm_setting& row) {
      return row.name != nullptr && std::string_view(entry.name) == row.name;
    });
    if (!found && missing.empty()) missing = entry.name;
  };
  std::apply([&](const auto&... entry) { (look(entry), ...); }, Options::table());
  if (missing.empty()) return {};
  return fail(EINVAL, "option \"" + missing + "\" is required", "set " + missing);
}

}  // namespace sdk
}  // namespace fcvm
