// fcvm ls: the VMs there are.
#include <algorithm>
#include <array>
#include <string_view>

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

/// As podman has it, an image is also known without its registry, path or tag.
bool is_image(const std::string& image, const std::string& wanted) {
  if (wanted.empty()) return false;
  const auto at = image.find(wanted);
  if (at == std::string::npos) return false;
  const auto rest = std::string_view(image).substr(at + wanted.size());
  return (at == 0 || image[at - 1] == '/') && (rest.empty() || rest.front() == ':');
}

bool passes(const vm::Record& record, const Filter& filter) {
  if (filter.key == "ancestor") return is_image(record.image, filter.value);
  if (filter.key == "network") {
    return record.network == filter.value || record.network == "net." + filter.value;
  }
  if (filter.key == "exited") {
    return record.effective_phase() == vm::Phase::kExited &&
           std::to_string(record.exit_code) == filter.value;
  }
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
    constexpr std::array kKeys = {"name", "id", "label", "status", "ancestor", "network", "exited"};
    const bool known = std::find(kKeys.begin(), kKeys.end(), filter.key) != kKeys.end();
    if (!known || equals == std::string::npos) {
      return fail(EINVAL, fmt::format("--filter: \"{}\" is not understood", text),
                  "use name=, id=, status=, exited=, label=, ancestor= or network=");
    }
    if (filter.key == "status") {
      (void)FCVM_TRY(vm::parse_phase(filter.value) | context("--filter") |
                     remedy("use created, starting, running, paused, stopping or exited"));
    }
    filters.push_back(filter);
  }
  return filters;
}

/// What is alike stays as it is, newest first.
void sort(Records& records, const std::string& by) {
  const auto ordered_by = [&](auto key) {
    std::stable_sort(records.begin(), records.end(),
                     [&](const vm::Record& a, const vm::Record& b) { return key(a) < key(b); });
  };
  if (by == "id") ordered_by([](const vm::Record& record) { return record.id; });
  if (by == "image") ordered_by([](const vm::Record& record) { return record.image; });
  if (by == "names") ordered_by([](const vm::Record& record) { return record.name; });
  if (by == "command") ordered_by([](const vm::Record& record) { return record.command; });
  if (by == "created") ordered_by([](const vm::Record& record) { return record.created_ns; });
  if (by == "runningfor") ordered_by([](const vm::Record& record) { return record.started_ns; });
  if (by == "status") {
    ordered_by([](const vm::Record& record) { return record.effective_phase(); });
  }
}

Result<Records> select(Invocation& invocation) {
  const auto filters = FCVM_TRY(parse_filters(invocation.values("filter")));
  const bool by_status = std::any_of(filters.begin(), filters.end(), [](const Filter& filter) {
    return filter.key == "status" || filter.key == "exited";
  });
  const bool last = invocation.given("last") || invocation.flag("latest");
  const bool all = invocation.flag("all") || by_status || last;
  Records records = FCVM_TRY(invocation.records());
  std::erase_if(records, [&](const vm::Record& record) {
    return !passes_all(record, filters) || (!all && !is_alive(record));
  });
  if (last) {
    const auto count = invocation.flag("latest") ? 1 : std::stoull(invocation.value("last"));
    if (records.size() > count) {
      records.erase(records.begin(), records.end() - static_cast<std::ptrdiff_t>(count));
    }
  }
  std::reverse(records.begin(), records.end());  // newest first
  sort(records, invocation.value("sort"));
  return records;
}

Result<void> print_formatted(const Records& records, const std::string& format, const LsView& view,
                             bool has_heading) {
  const auto parsed = FCVM_TRY(GoTemplate::parse(format));
  std::vector<std::string> lines;
  const auto heading = [](const std::string& field, bool) { return ls_heading(field); };
  const auto heading_line = FCVM_TRY(parsed.render(heading));  // finds wrong fields in any case
  if (parsed.is_table() && has_heading) lines.push_back(heading_line);
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

Result<void> print_table(const Records& records, const LsView& view, bool has_heading) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& record : records) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const char* field :
         {"ID", "Image", "Command", "CreatedHuman", "Status", "Ports", "Names"}) {
      row.push_back(FCVM_TRY(ls_field(record, field, view)));
    }
  }
  std::vector<std::string> heading{"ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"};
  if (!has_heading) {
    if (rows.empty()) return {};
    heading = rows.front();
    rows.erase(rows.begin());
  }
  fmt::print("{}", text_table(heading, rows));
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
    FCVM_TRY(print_formatted(records, format, view, !invocation.flag("noheading")));
  } else {
    FCVM_TRY(print_table(records, view, !invocation.flag("noheading")));
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
    "--filter takes name=PART, id=BEGINNING, status=PHASE, exited=CODE, label=KEY[=VALUE],\n"
    "ancestor=IMAGE and network=NAME. Filters of one key are alternatives, labels must all be\n"
    "there. A filter by status or exit code implies --all.\n"
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
                .range = config::Range{.min = 0}},
               {.name = "latest",
                .type = Type::kBoolean,
                .help = "only the one that was created last, in whatever phase",
                .letter = 'l'},
               {.name = "noheading", .type = Type::kBoolean, .help = "print no heading"},
               {.name = "sort",
                .help = "order by this, the least first",
                .choices = {"command", "created", "id", "image", "names", "runningfor", "status"}}},
          .bears_mistakes = true,
          .run = run};
}

}  // namespace fcvm::cli
