// probe, create-destroy, double-destroy: the life of an instance.
#include <fcvm/sdk/call.hpp>

#include "plugin-api/check/fake_host.hpp"
#include "plugin-api/check/loaded.hpp"
#include "plugin-api/check/patience.hpp"
#include "plugin-api/check/surroundings.hpp"

namespace fcvm::check {
namespace {

Result<void> check_answer(const fcvm_probe& answer, const fcvm_descriptor& descriptor) {
  if (answer.status < FCVM_PROBE_USABLE || answer.status > FCVM_PROBE_UNUSABLE) {
    return broken("the status is " + std::to_string(answer.status), "use one of FCVM_PROBE_...");
  }
  if ((answer.capabilities & ~descriptor.capabilities) != 0) {
    return broken("it answers with capabilities that the descriptor does not claim",
                  "claim the most in the descriptor, and take away in probe");
  }
  if (answer.preference > descriptor.preference) {
    return broken("it prefers itself more (" + std::to_string(answer.preference) +
                      ") than the descriptor says (" + std::to_string(descriptor.preference) + ")",
                  "say the most in the descriptor");
  }
  if (answer.status == FCVM_PROBE_USABLE) return {};
  if (text_of(answer.reason).empty()) {
    return broken("it is not usable, or not at its best, and does not say why", "fill in reason");
  }
  if (text_of(answer.remedy).empty()) {
    return broken("it says \"" + std::string(text_of(answer.reason)) + "\", but not what fixes it",
                  "fill in remedy: a command, or an instruction");
  }
  return {};
}

Result<void> probe_with(const Loaded& plugin, Settings settings) {
  FakeHost host(Manner::kRefuse);
  auto answer = sized<fcvm_probe>();
  auto error = sized<fcvm_error>();
  const Surroundings before;
  const std::int64_t deadline = monotonic_now() + 1000 * kMillisecond;
  const auto code = plugin.table->probe(host.host(), settings.get(), deadline, &answer, &error);
  const std::int64_t late = monotonic_now() - deadline;
  if (code != 0) {
    return broken("probe failed: " + told(code, error),
                  "return 0 and say UNUSABLE with a reason and a remedy");
  }
  if (late > kSlack) {
    return broken("it answered " + std::to_string(late / kMillisecond) + " ms after its deadline",
                  "wait through the Call that probe is given");
  }
  FCVM_TRY(check_answer(answer, plugin.descriptor));
  const auto recorded = host.call_of("state/1 ");
  if (!recorded.empty() || Surroundings().directory != before.directory) {
    return broken(recorded.empty() ? "it made or removed a file" : "it called " + recorded,
                  "only look; make things in the verbs");
  }
  return unchanged_process(before, "probe");
}

/// It is asked before anybody has set an option, too.
Result<void> check_probe(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  FCVM_TRY(probe_with(plugin, plugin.settings()));
  return probe_with(plugin, Settings()) | context("without settings");
}

Result<void> check_create_destroy(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  FakeHost host(Manner::kRefuse);
  auto instance = FCVM_TRY(create(plugin, host.host(), 0, Blame::kGuesses));
  for (const char* const call : {"state/1 put", "process/1 spawn"}) {
    if (!host.call_of(call).empty()) {
      return broken("create called " + host.call_of(call), "leave that to the verbs");
    }
  }
  instance.destroy();
  return {};
}

Result<void> check_double_destroy(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  void* none = nullptr;
  plugin.table->destroy(&none);
  FakeHost host(Manner::kRefuse);
  auto settings = plugin.settings();
  auto error = sized<fcvm_error>();
  void* raw = nullptr;
  const auto code = plugin.table->create(host.host(), settings.get(), &raw, &error);
  if (code != 0) return broken("create failed: " + told(code, error), "see `create-destroy`");
  plugin.table->destroy(&raw);
  if (raw != nullptr) {
    return broken("destroy left *instance as it was, so that a second destroy frees it again",
                  "set *instance to NULL");
  }
  plugin.table->destroy(&raw);
  return {};
}

/// Where nothing was recorded, or all of it is undone already, there is nothing to complain of.
Result<void> check_recover(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  if (plugin.table->recover == nullptr) return skip("it has no recover, so it may record nothing");
  for (int i = 0; i < 2; ++i) {
    FakeHost host(Manner::kRefuse);
    auto settings = plugin.settings();
    auto error = sized<fcvm_error>();
    const std::int64_t deadline = monotonic_now() + 1000 * kMillisecond;
    const auto code = plugin.table->recover(host.host(), settings.get(), deadline, &error);
    if (code != 0) {
      return broken("recover failed although nothing is recorded: " + told(code, error),
                    "return 0 when there is nothing to undo");
    }
  }
  return {};
}

}  // namespace

void add_life_cases(std::vector<Case>& cases) {
  cases.push_back({"probe",
                   "Life",
                   "probe answers in time, with a reason and a remedy, and changes nothing",
                   {"descriptor"},
                   check_probe,
                   true});
  cases.push_back({"create-destroy",
                   "Life",
                   "an instance can be made and ended, and making it starts nothing",
                   {"descriptor"},
                   check_create_destroy});
  cases.push_back({"double-destroy",
                   "Life",
                   "destroy sets the pointer to NULL, and does nothing on NULL",
                   {"create-destroy"},
                   check_double_destroy});
  cases.push_back({"recover",
                   "Life",
                   "recover undoes nothing where nothing was recorded, however often",
                   {"descriptor"},
                   check_recover});
}

}  // namespace fcvm::check
