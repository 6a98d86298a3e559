#include "core/cli/each_vm.hpp"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>

#include <fmt/core.h>

#include "core/base/io/file.hpp"
#include "core/cli/vm_filter.hpp"
#include "core/log/log.hpp"

namespace fcvm::cli {
namespace {

/// Enough that a few VMs which take their whole grace do not hold up the others.
constexpr std::size_t kSideBySide = 64;

struct Target {
  std::string typed;  // what is printed when it worked, as podman does
  Result<const vm::Record*> record;
  Result<void> done{};
};

/// What was typed, and what is in the files that `run --cidfile` wrote.
Result<std::vector<std::string>> names_of(const Invocation& invocation) {
  auto names = invocation.positionals();
  for (const auto& file : invocation.values("cidfile")) {
    auto id = base::read_file(file);
    if (!id && id.error().code() == ENOENT && invocation.flag("ignore")) continue;
    if (!id) return unexpected(std::move(id).error().context("--cidfile"));
    while (id->ends_with('\n')) id->pop_back();
    if (id->empty()) return fail(EINVAL, fmt::format("--cidfile: {} is empty", file));
    names.push_back(*std::move(id));
  }
  return names;
}

Result<std::vector<Target>> find_targets(const Invocation& invocation,
                                         const std::vector<vm::Record>& records,
                                         const EachVm& each) {
  std::vector<Target> targets;
  const auto names = FCVM_TRY(names_of(invocation));
  const auto filter = FCVM_TRY(VmFilter::parse(invocation.values("filter")));
  if (each.of_all && invocation.given("filter") && names.empty()) {
    for (const auto& record : records) {
      if (each.of_all(record) && filter.passes(record)) targets.push_back({record.id, &record});
    }
    return targets;
  }
  if (invocation.flag("latest") && names.size() > 1) {
    return fail(EINVAL, "give names or --latest, not both");
  }
  if (each.of_all && invocation.flag("all")) {
    if (!names.empty()) return fail(EINVAL, "give names or --all, not both");
    for (const auto& record : records) {
      if (each.of_all(record)) targets.push_back({record.id, &record});
    }
    return targets;
  }
  if (names.empty() && invocation.values("cidfile").empty()) {
    return fail(EINVAL, each.of_all ? "give the name of a VM, or --all" : "give the name of a VM",
                "fcvm ls -a lists all VMs");
  }
  for (const auto& name : names) {
    auto record = vm::find_record(records, name);
    const bool missing = !record && record.error().code() == ENOENT;
    if (missing && (each.passes_over_missing || invocation.flag("ignore"))) continue;
    if (record && !filter.passes(**record)) continue;
    targets.push_back({name, std::move(record)});
  }
  return targets;
}

void act_on(Target& target, const EachVm& each) {
  target.done = target.record ? each.action(**target.record) : unexpected(target.record.error());
}

/// Each thread takes the next one that nobody has taken.
void act_side_by_side(std::vector<Target>& targets, const EachVm& each) {
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < targets.size();) act_on(targets[i], each);
  };
  std::vector<std::thread> threads;
  try {
    while (threads.size() + 1 < std::min(targets.size(), kSideBySide)) threads.emplace_back(work);
  } catch (const std::system_error&) {
    // No more threads may be had: those that there are do it all.
  }
  work();
  for (auto& thread : threads) thread.join();
}

int report(const Target& target, const EachVm& each) {
  if (target.done) {
    if (each.print_names) fmt::print("{}\n", target.typed);
    std::fflush(stdout);
    return 0;
  }
  log::report(target.done.error());
  return each.exit_code(target.done.error());
}

}  // namespace

Result<int> each_vm(Invocation& invocation, const EachVm& each) {
  const auto records = FCVM_TRY(invocation.records());
  auto targets = FCVM_TRY(find_targets(invocation, records, each));
  const bool together = each.side_by_side && targets.size() > 1;
  if (together) act_side_by_side(targets, each);
  int code = 0;
  for (Target& target : targets) {
    if (!together) act_on(target, each);
    const int one = report(target, each);
    if (code == 0) code = one;
  }
  return code;
}

bool is_alive(const vm::Record& record) { return record.is_alive(); }

config::Option all_option(std::string help) {
  return {.name = "all", .type = config::Type::kBoolean, .help = std::move(help), .letter = 'a'};
}

config::Option cidfile_option() {
  return {.name = "cidfile",
          .type = config::Type::kList,
          .help = "also the VM whose id `fcvm run --cidfile` wrote into this file"};
}

config::Option latest_option() {
  return {.name = "latest",
          .type = config::Type::kBoolean,
          .help = "the VM that was created last, in the place of a name",
          .letter = 'l'};
}

config::Option ignore_option() {
  return {.name = "ignore",
          .type = config::Type::kBoolean,
          .help = "pass over VMs that are not there",
          .letter = 'i'};
}

}  // namespace fcvm::cli
