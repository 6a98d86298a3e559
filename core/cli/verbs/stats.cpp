// fcvm stats: what VMs use of the host.
#include <chrono>
#include <thread>
#include <unistd.h>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/base/deadline.hpp"
#include "core/cli/each_vm.hpp"
#include "core/cli/text/text_table.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::cli {
namespace {

using std::chrono::milliseconds;

struct Sample {
  std::string id;
  std::string name;
  vm::LiveStats stats;
  std::int64_t taken_ns = 0;
  double cpu_percent = 0;  // of one CPU, since the sample before
};

/// What --all means without names; with names, a VM that is not alive is an error.
Result<std::vector<vm::Record>> choose(Invocation& invocation) {
  auto records = FCVM_TRY(invocation.records());
  std::vector<vm::Record> chosen;
  for (const auto& name : invocation.positionals()) {
    const vm::Record* record = FCVM_TRY(vm::find_record(records, name));
    if (!is_alive(*record)) {
      return fail(EINVAL, "VM " + record->name + " does not run, so it uses nothing",
                  "fcvm ls lists the VMs that run");
    }
    chosen.push_back(*record);
  }
  if (!chosen.empty()) return chosen;
  std::erase_if(records, [](const vm::Record& record) { return !is_alive(record); });
  return records;
}

/// A VM that has gone, or does not answer yet, is left out.
std::vector<Sample> take(const vm::Store& store, const std::vector<vm::Record>& records) {
  std::vector<Sample> samples;
  for (const auto& record : records) {
    const auto answer = vm::ask_supervisor(store.paths(), record.id, vm::ask::Stats{},
                                           base::Deadline::in(std::chrono::seconds(2)));
    if (answer) {
      samples.push_back({record.id, record.name, *answer, base::Deadline::now_ns()});
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
                    {"block_input", stats.read_bytes},
                    {"block_output", stats.written_bytes},
                    {"pids", stats.processes}});
  }
  return list.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string as_table(const std::vector<Sample>& samples) {
  std::vector<std::vector<std::string>> rows;
  for (const Sample& sample : samples) {
    const auto& stats = sample.stats;
    rows.push_back({sample.id, printable(sample.name), fmt::format("{:.2f}%", sample.cpu_percent),
                    size_text(stats.memory_bytes) + " / " + size_text(stats.memory_limit_bytes),
                    fmt::format("{:.2f}%", memory_percent(stats)),
                    size_text(stats.read_bytes) + " / " + size_text(stats.written_bytes),
                    std::to_string(stats.processes)});
  }
  return text_table({"ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "BLOCK IO", "PIDS"},
                    rows);
}

Result<int> run(Invocation& invocation) {
  const config::Option interval{.name = "interval", .type = config::Type::kDuration};
  const auto pause = std::get<config::Duration>(FCVM_TRY(
      config::parse(interval, invocation.value("interval", "1s")) | context("--interval")));
  const vm::Store* store = FCVM_TRY(invocation.store());
  auto records = FCVM_TRY(choose(invocation));
  const bool once = invocation.flag("no-stream");
  const bool json = invocation.flag("json");
  auto before = take(*store, records);
  for (;;) {
    if (!before.empty() || !once) std::this_thread::sleep_for(std::max(pause, milliseconds(1)));
    if (!once) records = FCVM_TRY(choose(invocation));  // VMs come and go
    auto samples = take(*store, records);
    compare(samples, before);
    const bool redraw = !once && !json && ::isatty(STDOUT_FILENO) == 1;
    fmt::print("{}{}", redraw ? "\033[2J\033[H" : "", json ? as_json(samples) : as_table(samples));
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
      .arguments = "[--no-stream] [--json] [--interval D] [NAME...]",
      .summary = "Show what VMs use of the host's CPU, memory and disk",
      .details =
          "Without names, every VM that runs. CPU % is of one CPU and measured between two looks, "
          "an\n"
          "interval apart: a VM with two busy CPUs shows 200%. Memory is what the VMM holds, and\n"
          "counts the guest's own caches. The table is drawn anew after every interval, until\n"
          "interrupted; --json prints an array a line.\n"
          "\n"
          "Examples:\n"
          "  fcvm stats\n"
          "  fcvm stats --no-stream --json web | jq .[0].cpu_percent\n",
      .options = {latest_option(),
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
