#include "core/plugin/probe.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

#include <fcvm/sdk/sized.hpp>

#include "core/base/printable.hpp"
#include "core/plugin/host_table.hpp"
#include "core/plugin/isolated.hpp"
#include "core/plugin/process_keeper.hpp"

namespace fcvm::plugin {
namespace {

// A message is the ABI's own answer, code and structs as they lie in memory: both ends are this
// very program.
struct Answer {
  std::int32_t code;
  fcvm_probe probe;
  fcvm_error error;
};

Answer ask(const Entry& entry, const Settings& settings, base::Deadline deadline) {
  Answer answer{0, sized<fcvm_probe>(), sized<fcvm_error>()};
  auto object = Registry::load(entry);
  if (!object) {
    answer.code = put_error(&answer.error, object.error());
    return answer;
  }
  ProcessKeeper processes;
  const HostTable host(entry.descriptor.id, {.process = &processes});
  answer.code = object->table().probe(host.get(), settings.get(), deadline.as_ns(), &answer.probe,
                                      &answer.error);
  return answer;
}

}  // namespace

std::string_view ProbeResult::status_name() const {
  switch (status) {
    case FCVM_PROBE_USABLE:
      return "usable";
    case FCVM_PROBE_DEGRADED:
      return "degraded";
    case FCVM_PROBE_UNUSABLE:
      return "unusable";
    default:
      return "unknown";
  }
}

Result<ProbeResult> probe(const Entry& entry, const Settings& settings,
                          std::chrono::milliseconds limit) {
  const auto probing = fmt::format("probing {}", entry.descriptor.id);
  const auto deadline = base::Deadline::in(limit);
  auto child = FCVM_TRY(Isolated::start([&](const Isolated::Send& send) {
                          const Answer answer = ask(entry, settings, deadline);
                          send({reinterpret_cast<const char*>(&answer), sizeof answer});
                        }) |
                        context(probing));
  // A little more than the plugin has, so that its own time-out message gets through.
  const std::string message =
      FCVM_TRY(child.receive(base::Deadline::in(limit + std::chrono::milliseconds(500))) |
               context(probing) | remedy("see fcvm-plugin-check " + entry.where()));
  Answer answer{};
  if (message.size() != sizeof answer) return fail(EPROTO, probing + ": a garbled answer");
  std::memcpy(&answer, message.data(), sizeof answer);
  if (answer.code != 0) return unexpected(take_error(answer.code, answer.error).context(probing));
  return ProbeResult{answer.probe.status,
                     base::printable(text_of(answer.probe.reason)),
                     base::printable(text_of(answer.probe.remedy)),
                     base::printable(text_of(answer.probe.detail)),
                     answer.probe.capabilities & entry.descriptor.capabilities,
                     std::min(answer.probe.preference, entry.descriptor.preference)};
}

}  // namespace fcvm::plugin
