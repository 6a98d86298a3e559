// fcvm ls: the VMs there are.
#include <algorithm>

#include <fmt/core.h>

#include "core/cli/each_vm.hpp"
#include "core/cli/text/go_template.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/verbs/ls_fields.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/cli/vm_filter.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

using Records = std::vector<vm::Record>;

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
  const auto filter = FCVM_TRY(VmFilter::parse(invocation.values("filter")));
  const bool last = invocation.given("last") || invocation.flag("latest");
  const bool all = invocation.flag("all") || filter.is_by_status() || last;
  Records records = FCVM_TRY(invocation.records());
  std::erase_if(records, [&](const vm::Record& record) {
    return !filter.passes(record) || (!all && !is_alive(record));
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
  const auto heading = [](const std::string& field) { return in_template(ls_heading(field)); };
  const auto heading_line = FCVM_TRY(parsed.render(heading));  // finds wrong fields in any case
  if (parsed.is_table() && has_heading) lines.push_back(heading_line);
  for (const auto& record : records) {
    lines.push_back(FCVM_TRY(parsed.render(
        [&](const std::string& field) { return in_template(ls_field(record, field, view)); })));
  }
  if (parsed.is_table()) {
    fmt::print("{}", align_tabs(lines));
  } else {
    for (const auto& line : lines) fmt::print("{}\n", line);
  }
  return {};
}

Result<void> print_table(const Records& records, const LsView& view, bool has_heading) {
  std::vector<std::string> fields{"ID",     "Image", "Command", "CreatedHuman",
                                  "Status", "Ports", "Names"};
  if (view.sized) fields.emplace_back("Size");
  std::vector<std::vector<std::string>> rows;
  for (const auto& record : records) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const auto& field : fields) row.push_back(FCVM_TRY(ls_field(record, field, view)));
  }
  std::vector<std::string> heading;
  for (const auto& field : fields) heading.push_back(FCVM_TRY(ls_heading(field)));
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
  const vm::Store* store = FCVM_TRY(invocation.store());
  const LsView view{vm::now_ns(), invocation.flag("no-trunc"), invocation.flag("size"),
                    store->paths()};
  const auto format = invocation.value("format");
  if (invocation.flag("json") || format == "json") {
    fmt::print("{}", ls_json(records, view));
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
    "RunningFor Status State Ports Names Pid ExitCode Labels Networks Size Vmm, as in podman: "
    "\"table "
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
               filter_option("only those that pass, KEY=VALUE"),
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
               {.name = "size",
                .type = Type::kBoolean,
                .help = "also what each has on the host's disk, without its image",
                .letter = 's'},
               {.name = "noheading", .type = Type::kBoolean, .help = "print no heading"},
               {.name = "sort",
                .help = "order by this, the least first",
                .choices = {"command", "created", "id", "image", "names", "runningfor", "status"}}},
          .bears_mistakes = true,
          .run = run};
}

}  // namespace fcvm::cli
