// fcvm stats: what VMs use of the host.
#include <chrono>
#include <functional>
#include <string_view>
#include <thread>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/base/deadline.hpp"
#include "core/cli/each_vm.hpp"
#include "core/cli/text/go_template.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/config/nearest.hpp"
#include "core/log/log.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::cli {
namespace {

using std::chrono::milliseconds;

struct Sample {
  std::string id;
  std::string name;
  bool is_alive = true;  // else it is here by --all, and uses nothing
  vm::LiveStats stats{};
  std::int64_t taken_ns = 0;
  double cpu_percent = 0;  // of one CPU, since the sample before
};

/// With names, a VM that is not alive is an error, unless --all is said, too.
Result<std::vector<vm::Record>> choose(Invocation& invocation) {
  auto records = FCVM_TRY(invocation.records());
  const bool all = invocation.flag("all");
  std::vector<vm::Record> chosen;
  for (const auto& name : invocation.positionals()) {
    const vm::Record* record = FCVM_TRY(vm::find_record(records, name));
    if (!all && !is_alive(*record)) {
      return fail(EINVAL, "VM " + record->name + " does not run, so it uses nothing",
                  "fcvm ls lists the VMs that run");
    }
    chosen.push_back(*record);
  }
  if (!chosen.empty()) return chosen;
  std::erase_if(records, [&](const vm::Record& record) { return !all && !is_alive(record); });
  return records;
}

/// A VM that has gone, or does not answer yet, is left out.
std::vector<Sample> take(const vm::Store& store, const std::vector<vm::Record>& records) {
  std::vector<Sample> samples;
  for (const auto& record : records) {
    if (!is_alive(record)) {
      samples.push_back({.id = record.id, .name = record.name, .is_alive = false});
      continue;
    }
    const auto answer = vm::ask_supervisor(store.paths(), record.id, vm::ask::Stats{},
                                           base::Deadline::in(std::chrono::seconds(2)));
    if (answer) {
      samples.push_back({.id = record.id,
                         .name = record.name,
                         .stats = *answer,
                         .taken_ns = base::Deadline::now_ns()});
    } else if (answer.error().code() != ESRCH) {
      log::warning("stats", "VM {}: {}", record.name, answer.error().message());
    }
  }
  return samples;
}

void compare(std::vector<Sample>& samples, const std::vector<Sample>& before) {
  for (Sample& now : samples) {
    for (const Sample& then : before) {
      if (then.id != now.id || now.taken_ns <= then.taken_ns) continue;
      if (now.stats.cpu_ns < then.stats.cpu_ns) continue;
      now.cpu_percent = 100.0 * static_cast<double>(now.stats.cpu_ns - then.stats.cpu_ns) /
                        static_cast<double>(now.taken_ns - then.taken_ns);
    }
  }
}

double memory_percent(const vm::LiveStats& stats) {
  if (stats.memory_limit_bytes == 0) return 0;
  return 100.0 * static_cast<double>(stats.memory_bytes) /
         static_cast<double>(stats.memory_limit_bytes);
}

std::string two_sizes(std::uint64_t first, std::uint64_t second) {
  return size_text(first) + " / " + size_text(second);
}

/// By podman's names.
struct Field {
  const char* name;
  const char* heading;
  std::string (*text)(const Sample&);
};

constexpr Field kFields[] = {
    {"ID", "ID", [](const Sample& s) { return s.id; }},
    {"Name", "NAME", [](const Sample& s) { return printable(s.name); }},
    {"CPUPerc", "CPU %", [](const Sample& s) { return fmt::format("{:.2f}%", s.cpu_percent); }},
    {"MemUsage", "MEM USAGE / LIMIT",
     [](const Sample& s) { return two_sizes(s.stats.memory_bytes, s.stats.memory_limit_bytes); }},
    {"MemPerc", "MEM %",
     [](const Sample& s) { return fmt::format("{:.2f}%", memory_percent(s.stats)); }},
    {"NetIO", "NET IO",
     [](const Sample& s) { return two_sizes(s.stats.received_bytes, s.stats.sent_bytes); }},
    {"BlockIO", "BLOCK IO",
     [](const Sample& s) { return two_sizes(s.stats.read_bytes, s.stats.written_bytes); }},
    {"PIDS", "PIDS", [](const Sample& s) { return std::to_string(s.stats.processes); }},
};

Result<const Field*> find_field(std::string_view name) {
  std::vector<std::string> names;
  for (const Field& field : kFields) {
    if (name == field.name) return &field;
    names.emplace_back(field.name);
  }
  return fail(EINVAL, fmt::format("--format: there is no field {{{{.{}}}}}{}", name,
                                  config::did_you_mean(std::string(name), names)));
}

/// Of one that does not run only who it is.
std::string text_of(const Field& field, const Sample& sample) {
  const std::string_view name = field.name;
  return sample.is_alive || name == "ID" || name == "Name" ? field.text(sample) : "--";
}

Result<std::string> heading_of(const std::string& name) {
  return std::string(FCVM_TRY(find_field(name))->heading);
}

Result<std::string> text_of(const std::string& name, const Sample& sample) {
  return text_of(*FCVM_TRY(find_field(name)), sample);
}

std::string as_json(const std::vector<Sample>& samples) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const Sample& sample : samples) {
    const auto& stats = sample.stats;
    list.push_back({{"id", sample.id},
                    {"name", sample.name},
                    {"cpu_percent", sample.cpu_percent},
                    {"cpu_time_ns", stats.cpu_ns},
                    {"mem_usage", stats.memory_bytes},
                    {"mem_limit", stats.memory_limit_bytes},
                    {"mem_percent", memory_percent(stats)},
                    {"net_input", stats.received_bytes},
                    {"net_output", stats.sent_bytes},
                    {"block_input", stats.read_bytes},
                    {"block_output", stats.written_bytes},
                    {"pids", stats.processes}});
  }
  return json_text(list, -1) + '\n';
}

std::string as_table(const std::vector<Sample>& samples) {
  std::vector<std::string> heading;
  for (const Field& field : kFields) heading.emplace_back(field.heading);
  std::vector<std::vector<std::string>> rows;
  for (const Sample& sample : samples) {
    auto& row = rows.emplace_back();
    for (const Field& field : kFields) row.push_back(text_of(field, sample));
  }
  return text_table(heading, rows);
}

Result<std::string> as_template(const std::vector<Sample>& samples, const GoTemplate& format) {
  std::vector<std::string> lines;
  // Without a sample, too: a wrong field is found in any case.
  auto heading =
      FCVM_TRY(format.render([](const auto& name) { return in_template(heading_of(name)); }));
  if (format.is_table()) lines.push_back(std::move(heading));
  for (const Sample& sample : samples) {
    lines.push_back(FCVM_TRY(
        format.render([&](const auto& name) { return in_template(text_of(name, sample)); })));
  }
  if (format.is_table()) return align_tabs(lines);
  std::string text;
  for (const auto& line : lines) text += line + '\n';
  return text;
}

/// How one look is printed.
using Shape = std::function<Result<std::string>(const std::vector<Sample>&)>;

Result<Shape> choose_shape(const Invocation& invocation) {
  const auto format = invocation.value("format");
  if (invocation.flag("json") || format == "json") return Shape(as_json);
  if (format.empty()) return Shape(as_table);
  const auto parsed = FCVM_TRY(GoTemplate::parse(format));
  FCVM_TRY(as_template({}, parsed));
  return Shape([parsed](const auto& samples) { return as_template(samples, parsed); });
}

Result<int> run(Invocation& invocation) {
  const config::Option interval{.name = "interval", .type = config::Type::kDuration};
  const auto pause = std::get<config::Duration>(FCVM_TRY(
      config::parse(interval, invocation.value("interval", "1s")) | context("--interval")));
  const vm::Store* store = FCVM_TRY(invocation.store());
  auto records = FCVM_TRY(choose(invocation));
  const bool once = invocation.flag("no-stream");
  const bool redraws = !once && !invocation.flag("no-reset") && !invocation.flag("json") &&
                       invocation.value("format") != "json" && ::isatty(STDOUT_FILENO) == 1;
  const Shape shape = FCVM_TRY(choose_shape(invocation));
  auto before = take(*store, records);
  for (;;) {
    if (!before.empty() || !once) std::this_thread::sleep_for(std::max(pause, milliseconds(1)));
    if (!once) records = FCVM_TRY(choose(invocation));  // VMs come and go
    auto samples = take(*store, records);
    compare(samples, before);
    fmt::print("{}{}", redraws ? "\033[2J\033[H" : "", FCVM_TRY(shape(samples)));
    if (std::fflush(stdout) != 0 || once) return 0;
    before = std::move(samples);
  }
}

}  // namespace

Verb stats_verb() {
  using config::Type;
  return {
      .name = "stats",
      .aliases = {"podman stats"},
      .arguments = "[-a] [--no-stream] [--format T | --json] [--interval D] [NAME...]",
      .summary = "Show what VMs use of the host's CPU, memory, network and disk",
      .details =
          "Without names, every VM that runs. CPU % is of one CPU and measured between two looks, "
          "an\n"
          "interval apart: a VM with two busy CPUs shows 200%. Memory is what the VM's processes "
          "hold\n"
          "on the host, the guest's own caches included, and LIMIT what they may hold: the "
          "guest's\n"
          "memory and what the VMM needs for it. The table is drawn anew after every interval, "
          "until\n"
          "interrupted; --json prints an array a line.\n"
          "\n"
          "--format takes a Go template of the fields ID Name CPUPerc MemUsage MemPerc NetIO "
          "BlockIO\n"
          "PIDS, as in podman; `table ` in front makes a heading, and `json` is --json.\n"
          "\n"
          "Examples:\n"
          "  fcvm stats\n"
          "  fcvm stats --no-stream --json web | jq .[0].cpu_percent\n",
      .options = {all_option("also those that have exited"),
                  latest_option(),
                  {.name = "format", .help = "print by this Go template"},
                  {.name = "no-reset",
                   .type = Type::kBoolean,
                   .help = "leave on the terminal what was printed before"},
                  {.name = "no-stream", .type = Type::kBoolean, .help = "show it once"},
                  {.name = "json", .type = Type::kBoolean, .help = "print JSON"},
                  {.name = "interval",
                   .type = Type::kDuration,
                   .help = "time between two looks (default: 1s)",
                   .letter = 'i'}},
      .bears_mistakes = true,
      .positionals = {.max = kAnyNumber, .names = Names::kLiveVms},
      .run = run};
}

}  // namespace fcvm::cli
