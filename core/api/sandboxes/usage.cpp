// See usage.hpp.
#include "core/api/sandboxes/usage.hpp"

#include <chrono>
#include <ctime>
#include <thread>

#include <nlohmann/json.hpp>

#include "core/base/io/disk_usage.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::api {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenLooks = 100ms;
constexpr auto kPatience = 10s;

Result<vm::LiveStats> look(const vm::Store& store, const std::string& vm) {
  return vm::ask_supervisor(store.paths(), vm, vm::ask::Stats{}, base::Deadline::in(kPatience));
}

}  // namespace

Result<nlohmann::json> usage_json(const vm::Store& store, const Sandbox& sandbox) {
  const auto record = FCVM_TRY(store.load(sandbox.vm));
  const auto before = FCVM_TRY(look(store, sandbox.vm));
  const auto began = base::Deadline::now_ns();
  std::this_thread::sleep_for(kBetweenLooks);
  const auto now = FCVM_TRY(look(store, sandbox.vm));
  const auto passed = static_cast<double>(base::Deadline::now_ns() - began);
  const auto used = static_cast<double>(now.cpu_ns - before.cpu_ns) / passed * 100;
  const auto time = static_cast<std::int64_t>(std::time(nullptr));
  return nlohmann::json{{"timestamp", time_json(time)},
                        {"timestampUnix", time},
                        {"cpuCount", record.cpus},
                        {"cpuUsedPct", used / std::max<double>(record.cpus, 1)},
                        {"memTotal", record.memory_bytes},
                        {"memUsed", now.memory_bytes},

                        {"diskTotal", record.disk_bytes},
                        {"diskUsed", base::bytes_on_disk(store.paths().vmm(sandbox.vm))}};
}

std::string time_json(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  const auto size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

}  // namespace fcvm::api
