// garbage-options, error-messages: what a plugin says to settings that are wrong.
#include <cstring>

#include "plugin-api/check/fake_host.hpp"
#include "plugin-api/check/loaded.hpp"
#include "plugin-api/check/spelling.hpp"

namespace fcvm::check {
namespace {

struct Answer {
  std::int32_t code;
  fcvm_error error;
};

/// Creates with `settings`, and ends what was made.
Answer try_create(const Loaded& plugin, Settings& settings) {
  FakeHost host(Manner::kRefuse);
  Answer answer{0, dirty_error()};
  void* raw = nullptr;
  answer.code = plugin.table->create(host.host(), settings.get(), &raw, &answer.error);
  if (answer.code == 0 && raw != nullptr) plugin.table->destroy(&raw);
  return answer;
}

Result<void> must_refuse(const Loaded& plugin, Settings settings, const std::string& what) {
  if (try_create(plugin, settings).code != 0) return {};
  return broken("create succeeded with " + what,
                "check every setting against the option table, and return -EINVAL");
}

Result<void> refuse_wrong_types(const Loaded& plugin) {
  for (const fcvm_option& option : plugin.options) {
    auto settings = make_settings([&] {
      Named others;
      for (const auto& named : plugin.guessed.values) {
        if (named.first != option.name) others.push_back(named);
      }
      return others;
    }());
    const bool number = option.type != FCVM_OPTION_TEXT && option.type != FCVM_OPTION_LIST;
    const auto wrong = number ? FCVM_OPTION_TEXT : FCVM_OPTION_INTEGER;
    settings.add(option.name, *parse_value(wrong, "7"));
    FCVM_TRY(must_refuse(plugin, std::move(settings),
                         std::string("option \"") + option.name + "\" as " + type_name(wrong)));
  }
  return {};
}

Result<void> refuse_missing(const Loaded& plugin) {
  for (const fcvm_option& option : plugin.options) {
    if ((option.flags & FCVM_OPTION_REQUIRED) == 0) continue;
    Named others;
    for (const auto& named : plugin.guessed.values) {
      if (named.first != option.name) others.push_back(named);
    }
    FCVM_TRY(must_refuse(plugin, make_settings(others),
                         std::string("the required option \"") + option.name + "\" missing"));
  }
  return {};
}

/// May be taken or refused, but must be survived.
void survive_extremes(const Loaded& plugin) {
  const std::string huge(1 << 20, 'x');
  for (const fcvm_option& option : plugin.options) {
    for (const char* const value : {huge.c_str(), "", static_cast<const char*>(nullptr)}) {
      Settings settings;
      settings.add_raw(option.name, option.type, value);
      try_create(plugin, settings);
    }
  }
}

Result<void> check_garbage_options(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  auto unknown = plugin.settings();
  unknown.add("no-such-option", *parse_value(FCVM_OPTION_TEXT, "x"));
  FCVM_TRY(must_refuse(plugin, std::move(unknown), "an unknown option"));
  auto nameless = plugin.settings();
  nameless.add_raw(nullptr, FCVM_OPTION_TEXT, "x");
  FCVM_TRY(must_refuse(plugin, std::move(nameless), "an option whose name is NULL"));
  FCVM_TRY(refuse_wrong_types(plugin));
  FCVM_TRY(refuse_missing(plugin));
  survive_extremes(plugin);
  return {};
}

template <std::size_t N>
Result<void> check_text(const char (&field)[N], const std::string& name) {
  if (std::memchr(field, '\0', N) == nullptr) {
    return broken("the error's " + name + " is not NUL-terminated", "end it within its array");
  }
  if (!is_utf8(text_of(field)))
    return broken("the error's " + name + " is not UTF-8", "write UTF-8");
  return {};
}

Result<void> check_error_messages(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  auto settings = plugin.settings();
  settings.add("no-such-option", *parse_value(FCVM_OPTION_TEXT, "x"));
  FakeHost host(Manner::kRefuse);
  void* raw = nullptr;
  plugin.table->create(host.host(), settings.get(), &raw, nullptr);  // allowed: nobody asks why
  if (raw != nullptr) plugin.table->destroy(&raw);
  const auto [code, error] = try_create(plugin, settings);
  if (code == 0) return skip("create did not fail; see `garbage-options`");
  if (code > 0 || code < -4095) {
    return broken("a failing create returned " + std::to_string(code), "return a negative errno");
  }
  if (error.code != code) {
    return broken("a failing create returned " + std::to_string(code) + " and put " +
                      std::to_string(error.code) + " into error->code",
                  "put into error->code what is returned");
  }
  FCVM_TRY(check_text(error.message, "message"));
  FCVM_TRY(check_text(error.remedy, "remedy"));
  if (!text_of(error.message).empty()) return {};
  return broken("a failing create left the message empty",
                "say what was tried, on what, and why it failed");
}

}  // namespace

void add_option_cases(std::vector<Case>& cases) {
  cases.push_back(
      {"garbage-options",
       "Descriptor and options",
       "create refuses unknown, nameless, mistyped and missing options, and survives all",
       {"create-destroy"},
       check_garbage_options});
  cases.push_back({"error-messages",
                   "Errors",
                   "a failing call fills in its error: the code, and a message that ends",
                   {"garbage-options"},
                   check_error_messages});
}

}  // namespace fcvm::check
