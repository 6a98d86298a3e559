// Builder: builder/1. Runs a command as root in a VM of its own, on the disks it is given and
// without a network, and is confined as any VM is. What it leaves on the host while it works lies
// in <data>/builds/ID; the next one, or `fcvm gc`, removes what a killed one left.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <fcvm/result.hpp>

#include "core/config/config.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/services.hpp"
#include "core/vm/model/paths.hpp"
#include "core/vm/model/run_plan.hpp"

namespace fcvm::image {

struct BuilderContext {
  const plugin::Registry& registry;
  const config::Config& config;
  vm::Paths paths;
  /// Makes a VM's writable disk: a sparse file system.
  std::function<Result<void>(const std::filesystem::path& path, std::uint64_t bytes)> make_disk;
  std::string vmm;  // a plugin's id
  vm::GuestAssets guest;
};

class Builder final : public plugin::BuilderService {
 public:
  explicit Builder(BuilderContext context) : context_(std::move(context)) {}

  /// Safe on several threads at once: each call is a VM of its own.
  Result<int> run(const Build& build, const Call& call,
                  const plugin::GuestService::OutputHandler& output) override;
  Result<std::string> guest() override;

 private:
  const BuilderContext context_;
};

}  // namespace fcvm::image
