// fcvm balloon: what a VM has given back of its memory, and how much it is to give back.
#include <chrono>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/cli/each_vm.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::cli {
namespace {

constexpr std::chrono::seconds kPatience{30};

std::string mebibytes(std::uint64_t bytes) { return fmt::format("{} MiB", bytes >> 20); }

void print(const vm::BalloonFigures& figures) {
  fmt::print("memory of the VM  {}\n", mebibytes(figures.memory_bytes));
  fmt::print("to give back      {}\n", mebibytes(figures.target_bytes));
  fmt::print("given back        {}\n", mebibytes(figures.actual_bytes));
  if (!figures.guest_reports) return;
  fmt::print("of the guest      {} in all, {} free, {} available, {} in caches\n",
             mebibytes(figures.total_bytes), mebibytes(figures.free_bytes),
             mebibytes(figures.available_bytes), mebibytes(figures.cache_bytes));
}

void print_json(const vm::BalloonFigures& figures) {
  nlohmann::ordered_json json = {{"memory_bytes", figures.memory_bytes},
                                 {"target_bytes", figures.target_bytes},
                                 {"actual_bytes", figures.actual_bytes}};
  if (figures.guest_reports) {
    json["guest"] = {{"total_bytes", figures.total_bytes},
                     {"free_bytes", figures.free_bytes},
                     {"available_bytes", figures.available_bytes},
                     {"cache_bytes", figures.cache_bytes}};
  }
  fmt::print("{}\n", json_text(json));
}

Result<int> run(Invocation& invocation) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto& words = invocation.positionals();
  vm::ask::Balloon request;
  if (words.size() > 1) {
    const config::Option option{.name = "SIZE", .type = config::Type::kSize, .unit = config::kMiB};
    request.bytes =
        std::get<config::Size>(FCVM_TRY(config::parse(option, words[1]) | context("SIZE"))).bytes;
  }
  const auto records = FCVM_TRY(invocation.records());
  const vm::Record* record = FCVM_TRY(vm::find_record(records, words.front()));
  if (!record->is_up()) return not_running(*record, "asked for memory");
  const auto figures = FCVM_TRY(
      vm::ask_supervisor(store->paths(), record->id, request, base::Deadline::in(kPatience)) |
      context("the balloon of VM " + record->name));
  if (invocation.flag("json")) {
    print_json(figures);
  } else {
    print(figures);
  }
  return 0;
}

}  // namespace

Verb balloon_verb() {
  return {
      .name = "balloon",
      .arguments = "[--json] NAME [SIZE]",
      .summary = "Show or set how much memory a VM gives back to its host",
      .details =
          "A balloon in the guest takes SIZE of its memory, a bare number in MiB, and hands it to\n"
          "the host; 0 gives it all back to the VM. The guest lets go as it can, so it may take a\n"
          "moment, and less, until what was asked for is given back. Without SIZE, and after it,\n"
          "the figures are printed: the host's, and what the guest says of the rest.\n"
          "\n"
          "Examples:\n"
          "  fcvm balloon web\n"
          "  fcvm balloon web 512M\n",
      .options = {latest_option(),
                  {.name = "json", .type = config::Type::kBoolean, .help = "print JSON"}},
      .positionals = {.min = 1, .max = 2, .names = Names::kLiveVms, .named = 1},
      .run = run};
}

}  // namespace fcvm::cli
