// fcvm top: the processes in a container.
#include <sstream>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/cli/each_vm.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/client/guest_command.hpp"

namespace fcvm::cli {
namespace {

/// The columns of podman's own `top`; the guest's podman needs no `ps` in the image.
const std::vector<std::string> kColumns = {"user",  "pid", "ppid", "pcpu",
                                           "etime", "tty", "time", "args"};

/// As many cells as there are columns; the last one, the command, keeps its blanks.
std::vector<std::string> cells_of(const std::string& line, std::size_t columns) {
  std::istringstream words(line);
  std::vector<std::string> cells;
  std::string word;
  while (cells.size() + 1 < columns && words >> word) cells.push_back(printable(word));
  std::string rest;
  std::getline(words >> std::ws, rest);
  cells.push_back(printable(rest));
  cells.resize(columns);
  return cells;
}

struct Table {
  std::vector<std::string> heading;
  std::vector<std::vector<std::string>> rows;
};

/// A heading without blanks in its words, then a line for each process: what `ps` prints.
Table parse_ps(const std::string& text) {
  Table table;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!table.heading.empty()) {
      table.rows.push_back(cells_of(line, table.heading.size()));
      continue;
    }
    std::istringstream words(line);
    for (std::string word; words >> word;) table.heading.push_back(printable(word));
  }
  return table;
}

void print_json(const Table& table) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const auto& row : table.rows) {
    Json process = Json::object();
    for (std::size_t i = 0; i < row.size(); ++i) process[table.heading[i]] = row[i];
    list.push_back(std::move(process));
  }
  fmt::print("{}\n", json_text(list));
}

Result<int> run(Invocation& invocation) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto records = FCVM_TRY(invocation.records());
  const auto& words = invocation.positionals();
  const vm::Record* record = FCVM_TRY(vm::find_record(records, words.front()));
  if (record->effective_phase() != vm::Phase::kRunning) return not_running(*record, "looked into");
  std::vector<std::string> argv = {"podman", "top", "--latest"};
  if (words.size() > 1) {
    argv.insert(argv.end(), words.begin() + 1, words.end());
  } else {
    argv.insert(argv.end(), kColumns.begin(), kColumns.end());
  }
  const auto output = FCVM_TRY(vm::run_guest_command(*store, record->id, argv) |
                               context("listing the processes of VM " + record->name));
  if (output.exit_code != 0) {
    return fail(EIO, fmt::format("listing the processes of VM {}: {}", record->name,
                                 printable(output.standard_error)));
  }
  const Table table = parse_ps(output.standard_output);
  if (invocation.flag("json")) {
    print_json(table);
  } else if (!table.heading.empty()) {
    fmt::print("{}", text_table(table.heading, table.rows));
  }
  return 0;
}

}  // namespace

Verb top_verb() {
  return {
      .name = "top",
      .aliases = {"podman top"},
      .arguments = "[--json] NAME [COLUMN...]",
      .summary = "Show the processes in a container",
      .details =
          "COLUMN is one of those of `podman top`: user, pid, ppid, pcpu, etime, tty, time, args,\n"
          "comm, state, vsz, rss, capeff, seccomp and more. Process ids are the container's own.\n"
          "\n"
          "Examples:\n"
          "  fcvm top web\n"
          "  fcvm top web pid rss comm\n",
      .options = {latest_option(),
                  {.name = "json", .type = config::Type::kBoolean, .help = "print JSON"}},
      .bears_mistakes = true,
      .positionals = {.min = 1, .max = kAnyNumber, .names = Names::kLiveVms, .named = 1},
      .run = run};
}

}  // namespace fcvm::cli
