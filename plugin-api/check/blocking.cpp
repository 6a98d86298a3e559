// Owns the thread on which a waiting verb runs, and what each kind's waiting verb is given.
#include "plugin-api/check/blocking.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fcvm/image.h>
#include <fcvm/readiness.h>
#include <fcvm/sdk/call.hpp>
#include <fcvm/vmm.h>

#include "plugin-api/check/patience.hpp"

namespace fcvm::check {
namespace {

template <typename Verbs>
Verbs verbs_of(const Loaded& plugin) {
  return sized_copy(static_cast<const Verbs*>(plugin.table->verbs(plugin.descriptor.kind)));
}

BlockingVerb readiness_wait(const Loaded& plugin) {
  return {"wait", [verbs = verbs_of<fcvm_readiness_v1>(plugin)](
                      void* instance, std::int64_t deadline, fcvm_error* error) {
            auto target = sized<fcvm_ready_target>();
            target.vm_id = target.container = "fake";
            return verbs.wait(instance, &target, deadline, error);
          }};
}

/// The case's own empty directory is the VM's; the host starts sleepers in place of programs.
BlockingVerb vmm_start(const Loaded& plugin) {
  return {"start", [verbs = verbs_of<fcvm_vmm_v1>(plugin)](void* instance, std::int64_t deadline,
                                                           fcvm_error* error) {
            const Fd directory(::open(".", O_DIRECTORY | O_CLOEXEC));
            auto spec = sized<fcvm_vm_spec>();
            spec.vm_id = "fake";
            spec.directory_fd = directory.get();
            spec.cpus = 1;
            spec.memory_bytes = 64 << 20;
            spec.kernel = spec.kernel_elf = "kernel";
            spec.initrd = "initrd";
            spec.command_line = "";
            spec.console = "console";
            spec.guest_socket = "guest.sock";
            return verbs.start(instance, &spec, deadline, error);
          }};
}

BlockingVerb image_resolve(const Loaded& plugin) {
  return {"resolve", [verbs = verbs_of<fcvm_image_v1>(plugin)](
                         void* instance, std::int64_t deadline, fcvm_error* error) {
            const Fd cache(::open(".", O_DIRECTORY | O_CLOEXEC));
            auto request = sized<fcvm_image_request>();
            request.pull = FCVM_PULL_NEVER;
            request.reference = "fake";
            request.cache_fd = cache.get();
            auto identity = sized<fcvm_image_identity>();
            return verbs.resolve(instance, &request, deadline, &identity, error);
          }};
}

}  // namespace

Result<BlockingVerb> blocking_verb(const Loaded& plugin) {
  const std::string kind = plugin.descriptor.kind;
  if (kind == FCVM_KIND_READINESS) return readiness_wait(plugin);
  if (kind == FCVM_KIND_VMM) return vmm_start(plugin);
  if (kind == FCVM_KIND_IMAGE) return image_resolve(plugin);
  return skip("no verb of " + kind + " can wait here without touching this machine");
}

RunningVerb::RunningVerb(const Loaded& plugin, const BlockingVerb& verb, void* instance,
                         std::int64_t deadline)
    : plugin_(plugin), instance_(instance), thread_([this, &verb, deadline] {
        code_ = verb.run(instance_, deadline, &error_);
        returned_at_ = monotonic_now();
        returned_ = true;
      }) {}

RunningVerb::~RunningVerb() {
  while (!returned_by(monotonic_now() + 5 * kMillisecond)) plugin_.table->cancel(instance_);
  thread_.join();
}

bool RunningVerb::returned_by(std::int64_t until) const {
  while (!returned_ && monotonic_now() < until) ::usleep(500);
  return returned_;
}

}  // namespace fcvm::check
