// fcvm events: what happened to VMs, and what happens.
#include <algorithm>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/base/io/fd.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/text/go_template.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

using vm::LoggedEvent;
using Filters = std::vector<std::pair<std::string, std::string>>;

bool passes(const LoggedEvent& event, const std::string& key, const std::string& value) {
  if (key == "event" || key == "type") return event.type == value;
  if (key == "image") return event.image == value;
  return event.name == value || event.id.compare(0, value.size(), value) == 0;
}

/// Filters of one key are alternatives.
bool passes_all(const LoggedEvent& event, const Filters& filters) {
  return std::all_of(filters.begin(), filters.end(), [&](const auto& filter) {
    return std::any_of(filters.begin(), filters.end(), [&](const auto& other) {
      return other.first == filter.first && passes(event, other.first, other.second);
    });
  });
}

Result<Filters> parse_filters(const std::vector<std::string>& texts) {
  Filters filters;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    const auto key = text.substr(0, equals);
    constexpr std::string_view kKeys[] = {"event", "type", "image", "container", "name", "id"};
    const bool known = std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
    if (!known || equals == std::string::npos || equals + 1 == text.size()) {
      return fail(EINVAL, fmt::format("--filter: \"{}\" is not understood", text),
                  "use event=, container= or image=");
    }
    filters.emplace_back(key, text.substr(equals + 1));
  }
  return filters;
}

std::string event_json(const LoggedEvent& event) {
  using Json = nlohmann::ordered_json;
  const Json json = {{"ID", event.id},
                     {"Image", event.image},
                     {"Name", event.name},
                     {"Status", event.type},
                     {"Time", vm::rfc3339(event.time_ns)},
                     {"Type", "container"},
                     {"Attributes", event.attributes}};
  return json_text(json, -1);
}

std::string event_text(const LoggedEvent& event) {
  std::string attributes;
  for (const auto& [key, value] : event.attributes) {
    attributes += fmt::format(", {}={}", printable(key), printable(value));
  }
  return fmt::format("{} container {} {} (image={}, name={}{})", vm::rfc3339(event.time_ns),
                     printable(event.type), printable(event.id), printable(event.image),
                     printable(event.name), attributes);
}

Result<std::string> event_field(const LoggedEvent& event, const std::string& field) {
  if (field == "ID") return event.id;
  if (field == "Image") return event.image;
  if (field == "Name") return event.name;
  if (field == "Status") return event.type;
  if (field == "Time") return vm::rfc3339(event.time_ns);
  if (field == "Type") return std::string("container");
  if (field == "Attributes") return labels_text(event.attributes);
  return fail(EINVAL, fmt::format("--format: there is no field {{{{.{}}}}}", field),
              "use ID, Image, Name, Status, Time, Type or Attributes");
}

using Formatter = std::function<Result<std::string>(const LoggedEvent&)>;

Result<Formatter> make_formatter(const Invocation& invocation) {
  const auto format = invocation.value("format");
  if (invocation.flag("json") || format == "json") return Formatter(event_json);
  if (format.empty()) return Formatter(event_text);
  const auto parsed = FCVM_TRY(GoTemplate::parse(format));
  Formatter formatter = [parsed](const LoggedEvent& event) {
    return parsed.render(
        [&](const std::string& field) { return in_template(event_field(event, field)); });
  };
  (void)FCVM_TRY(formatter(LoggedEvent()));  // a wrong field is told now, not at the first event
  return formatter;
}

Result<vm::EventRange> parse_range(const Invocation& invocation) {
  const std::int64_t now = vm::now_ns();
  const bool stream = invocation.value("stream", "true") == "true";
  vm::EventRange range{.since_ns = stream ? now : 0};
  if (!stream) range.until_ns = now;
  if (invocation.given("since")) {
    range.since_ns =
        FCVM_TRY(vm::parse_moment(invocation.value("since"), now) | context("--since"));
  }
  if (invocation.given("until")) {
    const auto until =
        FCVM_TRY(vm::parse_moment(invocation.value("until"), now) | context("--until"));
    range.until_ns = stream ? until : std::min(until, now);
    if (!invocation.given("since")) range.since_ns = 0;
  }
  return range;
}

Result<int> run(Invocation& invocation) {
  const auto filters = FCVM_TRY(parse_filters(invocation.values("filter")));
  const auto formatter = FCVM_TRY(make_formatter(invocation));
  const auto range = FCVM_TRY(parse_range(invocation));
  (void)FCVM_TRY(invocation.records());  // a VM that was killed has its event logged by this
  const vm::Store* store = FCVM_TRY(invocation.store());
  Result<void> outcome;
  FCVM_TRY(vm::read_events(store->paths().events(), range, [&](const LoggedEvent& event) {
    if (!passes_all(event, filters)) return true;
    const auto text = formatter(event);
    outcome = text ? base::write_all(STDOUT_FILENO, *text + '\n') : unexpected(text.error());
    return outcome.has_value();
  }));
  // A reader that has seen enough is not a failure.
  if (!outcome && outcome.error().code() != EPIPE) return unexpected(outcome.error());
  return 0;
}

constexpr const char* kDetails =
    "Without --since, what happens from now on; with --stream=false, what has happened. --since "
    "and\n"
    "--until take a time (2026-11-20T19:00:00Z), seconds since 1970, or how long ago (10m).\n"
    "\n"
    "Events are create, start, ready (its gates have passed), health_status, pause, unpause, kill,\n"
    "stop, network (its network broke), disk-full (the host's), die (with the attribute exitCode)\n"
    "and remove. The log keeps the newest few megabytes.\n"
    "\n"
    "--filter takes event=TYPE, container=NAME (or the beginning of an id) and image=IMAGE;\n"
    "filters of one key are alternatives. --format takes json, or a Go template of the fields ID\n"
    "Image Name Status Time Type Attributes.\n"
    "\n"
    "Examples:\n"
    "  fcvm events --filter event=die\n"
    "  fcvm events --since 1h --stream=false --format json\n";

}  // namespace

Verb events_verb() {
  using config::Type;
  return {
      .name = "events",
      .aliases = {"podman events"},
      .arguments = "[--since T] [--until T] [--filter F] [--stream=false]",
      .summary = "Show what happens to VMs",
      .details = kDetails,
      .options = {{.name = "since", .help = "from this time on"},
                  {.name = "until", .help = "end at this time"},
                  {.name = "filter",
                   .type = Type::kList,
                   .help = "only those that pass, KEY=VALUE",
                   .letter = 'f'},
                  {.name = "format", .help = "print by this Go template, or json"},
                  {.name = "json", .type = Type::kBoolean, .help = "print a JSON object a line"},
                  {.name = "stream",
                   .type = Type::kBoolean,
                   .initial = "true",
                   .help = "wait for what comes; =false ends with what has been"}},
      .bears_mistakes = true,
      .run = run};
}

}  // namespace fcvm::cli
