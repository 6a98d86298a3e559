// What could stand in a snapshot's manifest.json, which may come from another host. What was read can
// be written, and is the same when it is read again; so is the plan in it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/snapshot/manifest.hpp"
#include "core/vm/model/run_plan_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fcvm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto plan = vm::plan_from_json(text)) {
    const auto written = vm::plan_to_json(*plan);
    const auto again = vm::plan_from_json(written);
    if (!again || vm::plan_to_json(*again) != written) std::abort();
  }
  const auto manifest = snapshot::manifest_from_json(text);
  if (!manifest) return 0;
  const std::string written = snapshot::to_json(*manifest);
  const auto again = snapshot::manifest_from_json(written);
  if (!again || snapshot::to_json(*again) != written) std::abort();
  return 0;
}
