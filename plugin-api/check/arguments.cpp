// Owns the reading of the command line.
#include "plugin-api/check/arguments.hpp"

#include <getopt.h>

#include "plugin-api/check/patience.hpp"
#include "plugin-api/check/settings.hpp"

namespace fcvm::check {

const char* const kHelp =
    "Usage: fcvm-plugin-check [OPTION...] FILE...\n"
    "Checks that plugins keep the rules of plugin-api/DESIGN.md. Each rule is tried in a process "
    "of\n"
    "its own: passed, failed, crashed, skipped or warning.\n"
    "\n"
    "  --case NAME        only this case, and what it needs; may be repeated\n"
    "  --set NAME=VALUE   an option of the plugin, written as in TOML; may be repeated\n"
    "  --timeout TIME     for each case: 500ms, 10s (default 10s)\n"
    "  --strict           a warning is a failure\n"
    "  --json             for programs\n"
    "  --list             the cases, and what each asks\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 when no rule is broken, 1 when one is, 125 when a file cannot be opened or "
    "the\n"
    "command line is wrong.\n";

namespace {

Result<std::pair<std::string, std::string>> name_and_value(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return fail(EINVAL, "--set " + text + ": not NAME=VALUE");
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<std::chrono::milliseconds> duration(const std::string& text) {
  const auto value = parse_value(FCVM_OPTION_DURATION, text);
  if (!value || value->number < kMillisecond) {
    return fail(EINVAL, "--timeout " + text + ": not a time like 500ms or 10s");
  }
  return std::chrono::milliseconds(value->number / kMillisecond);
}

Result<void> take(Arguments& arguments, int option, const char* value) {
  switch (option) {
    case 'c':
      arguments.cases.emplace_back(value);
      return {};
    case 's':
      arguments.settings.push_back(FCVM_TRY(name_and_value(value)));
      return {};
    case 't':
      arguments.timeout = FCVM_TRY(duration(value));
      return {};
    case 'S':
      arguments.strict = true;
      return {};
    case 'j':
      arguments.json = true;
      return {};
    case 'l':
      arguments.list = true;
      return {};
    case 'h':
      arguments.help = true;
      return {};
    case 'v':
      arguments.version = true;
      return {};
    default:
      return fail(EINVAL, "the command line is wrong");
  }
}

}  // namespace

Result<Arguments> parse_arguments(int argc, char** argv) {
  static const option kOptions[] = {{"case", required_argument, nullptr, 'c'},
                                    {"set", required_argument, nullptr, 's'},
                                    {"timeout", required_argument, nullptr, 't'},
                                    {"strict", no_argument, nullptr, 'S'},
                                    {"json", no_argument, nullptr, 'j'},
                                    {"list", no_argument, nullptr, 'l'},
                                    {"help", no_argument, nullptr, 'h'},
                                    {"version", no_argument, nullptr, 'v'},
                                    {}};
  Arguments arguments;
  arguments.timeout = std::chrono::seconds(kSanitized ? 30 : 10);
  for (int found; (found = ::getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    FCVM_TRY(take(arguments, found, optarg));
  }
  arguments.files.assign(argv + optind, argv + argc);
  const bool needs_file = !arguments.help && !arguments.version && !arguments.list;
  if (needs_file && arguments.files.empty()) return fail(EINVAL, "name a plugin file");
  return arguments;
}

}  // namespace fcvm::check
