// Starts a program before any verb was called.
#include "tests/broken-plugins/base.hpp"

namespace {

std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error) {
  const auto* process = static_cast<const fcvm_process_v1*>(base::service(host, "process/1"));
  fcvm_process_spec spec{};
  spec.size = sizeof spec;
  spec.program = "helper";
  std::uint64_t handle = 0;
  if (process != nullptr) process->spawn(host, &spec, &handle, error);
  return base::create(host, settings, instance, error);
}

}  // namespace

FCVM_BROKEN(plugin.create = create);
