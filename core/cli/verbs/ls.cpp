// fcvm ls: the VMs there are.
#include <algorithm>

#include <fmt/core.h>

#include "core/cli/each_vm.hpp"
#include "core/cli/text/go_template.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/verbs/ls_fields.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

using Records = std::vector<vm::Record>;

struct Filter {
  std::string key;
  std::string value;
};

bool has_label(const vm::Record& record, const std::string& wanted) {
  const auto equals = wanted.find('=');
  const auto at = record.labels.find(wanted.substr(0, equals));
  if (at == record.labels.end()) return false;
  return equals == std::string::npos || at->second == wanted.substr(equals + 1);
}

bool passes(const vm::Record& record, const Filter& filter) {
  if (filter.key == "name") return record.name.find(filter.value) != std::string::npos;
  if (filter.key == "id") return record.id.compare(0, filter.value.size(), filter.value) == 0;
  if (filter.key == "label") return has_label(record, filter.value);
  return vm::to_string(record.effective_phase()) == filter.value;
}

/// Filters of one key are alternatives, but labels must all be there, as in podman.
bool passes_all(const vm::Record& record, const std::vector<Filter>& filters) {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& filter) {
    if (filter.key == "label") return passes(record, filter);
    return std::any_of(filters.begin(), filters.end(), [&](const Filter& other) {
      return other.key == filter.key && passes(record, other);
    });
  });
}

Result<std::vector<Filter>> parse_filters(const std::vector<std::string>& texts) {
  std::vector<Filter> filters;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    const Filter filter{text.substr(0, equals),
                        equals == std::string::npos ? "" : text.substr(equals + 1)};
    const bool known = filter.key == "name" || filter.key == "id" || filter.key == "label" ||
                       filter.key == "status";
    if (!known || equals == std::string::npos) {
      return fail(EINVAL, fmt::format("--filter: \"{}\" is not understood", text),
                  "use name=, id=, status= or label=");
    }
    if (filter.key == "status") {
      (void)FCVM_TRY(vm::parse_phase(filter.value) | context("--filter") |
                     remedy("use created, starting, running, paused, stopping or exited"));
    }
    filters.push_back(filter);
  }
  return filters;
}

Result<Records> select(Invocation& invocation) {
  const auto filters = FCVM_TRY(parse_filters(invocation.values("filter")));
  const bool by_status = std::any_of(filters.begin(), filters.end(),
                                     [](const Filter& filter) { return filter.key == "status"; });
  const bool last = invocation.given("last");
  const bool all = invocation.flag("all") || by_status || last;
  Records records = FCVM_TRY(invocation.records());
  std::erase_if(records, [&](const vm::Record& record) {
    return !passes_all(record, filters) || (!all && !is_alive(record));
  });
  if (last) {
    const auto count = std::stoull(invocation.value("last"));
    if (records.size() > count) {
      records.erase(records.begin(), records.end() - static_cast<std::ptrdiff_t>(count));
    }
  }
  std::reverse(records.begin(), records.end());  // newest first
  return records;
}

Result<void> print_formatted(const Records& records, const std::string& format,
                             const LsView& view) {
  const auto parsed = FCVM_TRY(GoTemplate::parse(format));
  std::vector<std::string> lines;
  const auto heading = [](const std::string& field, bool) { return ls_heading(field); };
  const auto heading_line = FCVM_TRY(parsed.render(heading));  // finds wrong fields in any case
  if (parsed.is_table()) lines.push_back(heading_line);
  for (const auto& record : records) {
    lines.push_back(FCVM_TRY(parsed.render(
        [&](const std::string& field, bool) { return ls_field(record, field, view); })));
  }
  if (parsed.is_table()) {
    fmt::print("{}", align_tabs(lines));
  } else {
    for (const auto& line : lines) fmt::print("{}\n", line);
  }
  return {};
}

Result<void> print_table(const Records& records, const LsView& view) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& record : records) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const char* field :
         {"ID", "Image", "Command", "CreatedHuman", "Status", "Ports", "Names"}) {
      row.push_back(FCVM_TRY(ls_field(record, field, view)));
    }
  }
  fmt::print("{}",
             text_table({"ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"}, rows));
  return {};
}

Result<int> run(Invocation& invocation) {
  const Records records = FCVM_TRY(select(invocation));
  const LsView view{vm::now_ns(), invocation.flag("no-trunc")};
  const auto format = invocation.value("format");
  if (invocation.flag("json") || format == "json") {
    fmt::print("{}", ls_json(records, view.now));
  } else if (invocation.flag("quiet")) {
    for (const auto& record : records) fmt::print("{}\n", record.id);
  } else if (!format.empty()) {
    FCVM_TRY(print_formatted(records, format, view));
  } else {
    FCVM_TRY(print_table(records, view));
  }
  return 0;
}

constexpr const char* kDetails =
    "Newest first. Without -a only VMs that live are shown: starting, running, paused, stopping.\n"
    "\n"
    "--format takes a Go template of the fields ID Image Command CreatedAt CreatedHuman\n"
    "RunningFor Status State Ports Names Pid ExitCode Labels Networks Vmm, as in podman: \"table "
    "\"\n"
    "in front makes a heading and columns where there are tabs (\\t). `--format json` is --json.\n"
    "\n"
    "--filter takes name=PART, id=BEGINNING, status=PHASE and label=KEY[=VALUE]. Filters of one\n"
    "key are alternatives, labels must all be there. A status filter implies --all.\n"
    "\n"
    "Examples:\n"
    "  fcvm ls\n"
    "  fcvm ls -a --filter status=exited --format 'table {{.Names}}\\t{{.Status}}'\n"
    "  fcvm rm $(fcvm ls -aq --filter label=stage=test)\n";

}  // namespace

Verb ls_verb() {
  using config::Type;
  return {.name = "ls",
          .aliases = {"ps", "podman ps"},
          .arguments = "[-a] [-q] [--filter F] [--format T | --json]",
          .summary = "List VMs",
          .details = kDetails,
          .options =
              {{.name = "all",
                .type = Type::kBoolean,
                .help = "also those that have exited",
                .letter = 'a'},
               {.name = "quiet", .type = Type::kBoolean, .help = "print ids only", .letter = 'q'},
               {.name = "json", .type = Type::kBoolean, .help = "print JSON"},
               {.name = "format", .help = "print by this Go template"},
               {.name = "filter",
                .type = Type::kList,
                .help = "only those that pass, KEY=VALUE",
                .letter = 'f'},
               {.name = "no-trunc", .type = Type::kBoolean, .help = "do not cut commands"},
               {.name = "last",
                .type = Type::kInteger,
                .help = "only the last so many created, in whatever phase",
                .letter = 'n',
                .range = config::Range{.min = 0}}},
          .bears_mistakes = true,
          .run = run};
}

}  // namespace fcvm::cli
