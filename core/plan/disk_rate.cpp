// See disk_rate.hpp.
#include "core/plan/disk_rate.hpp"

#include <variant>

#include <fmt/core.h>

namespace fcvm::plan {
namespace {

Result<std::uint64_t> rate_of(const config::Config& config, const char* option, config::Type type) {
  const std::string& given = config.text("run", option);
  if (given.empty()) return 0;
  const auto colon = given.rfind(':');
  const std::string path = colon == std::string::npos ? "/" : given.substr(0, colon);
  if (path != "/") {
    return fail(EINVAL,
                fmt::format("--{} {}: a VM does not see the host's device {}", option, given, path),
                fmt::format("limit the VM's own disks: --{} {}", option, given.substr(colon + 1)));
  }
  const std::string_view text = std::string_view(given).substr(colon + 1);
  const auto value = FCVM_TRY(config::parse({.name = option, .type = type}, text) |
                              context(fmt::format("--{} {}", option, given)));
  const std::uint64_t rate = type == config::Type::kSize
                                 ? std::get<config::Size>(value).bytes
                                 : static_cast<std::uint64_t>(std::get<std::int64_t>(value));
  if (rate == 0 || static_cast<std::int64_t>(rate) < 0)
    return fail(EINVAL, fmt::format("--{} {}: it is not a rate above 0", option, given));
  return rate;
}

}  // namespace

Result<vm::DiskRates> disk_rates(const config::Config& config) {
  vm::DiskRates rates;
  rates.read_bytes = FCVM_TRY(rate_of(config, "device-read-bps", config::Type::kSize));
  rates.write_bytes = FCVM_TRY(rate_of(config, "device-write-bps", config::Type::kSize));
  rates.read_operations = FCVM_TRY(rate_of(config, "device-read-iops", config::Type::kInteger));
  rates.write_operations = FCVM_TRY(rate_of(config, "device-write-iops", config::Type::kInteger));
  return rates;
}

}  // namespace fcvm::plan
