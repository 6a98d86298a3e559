#include "core/vm/supervisor/machine.hpp"

#include "core/plugin/handed_over.hpp"

namespace fcvm::vm {
namespace {

using plugin::Threads;
using plugin::VerbRule;

// The states of vmm.h.
constexpr unsigned kNew = 1u << FCVM_VM_NEW;
constexpr unsigned kRunning = 1u << FCVM_VM_RUNNING;
constexpr unsigned kPaused = 1u << FCVM_VM_PAUSED;
constexpr unsigned kAnyState = ~0u;

constexpr VerbRule kStart{"start", Threads::kWorker, kNew, FCVM_VM_RUNNING};
constexpr VerbRule kRestore{"restore", Threads::kWorker, kNew, FCVM_VM_PAUSED};
constexpr VerbRule kSnapshot{"snapshot", Threads::kWorker, kPaused};
constexpr VerbRule kPause{"pause", Threads::kWorker, kRunning, FCVM_VM_PAUSED};
constexpr VerbRule kResume{"resume", Threads::kWorker, kPaused, FCVM_VM_RUNNING};
constexpr VerbRule kSetBalloon{"set_balloon", Threads::kWorker, kRunning | kPaused};
constexpr VerbRule kBalloon{"balloon", Threads::kWorker, kRunning | kPaused};
constexpr VerbRule kConnect{"connect", Threads::kAny, kRunning | kPaused};
constexpr VerbRule kStatus{"status", Threads::kAny, kAnyState};
constexpr VerbRule kKill{"kill", Threads::kAny, kAnyState};

}  // namespace

Result<void> Machine::start(const fcvm_vm_spec& spec, base::Deadline deadline) {
  return instance_->call(kStart, instance_->verbs().start, &spec, deadline.as_ns());
}

Result<void> Machine::restore(const fcvm_vm_spec& spec, const fcvm_vm_restore& from,
                              base::Deadline deadline) {
  return instance_->call(kRestore, instance_->verbs().restore, &spec, &from, deadline.as_ns());
}

Result<void> Machine::snapshot(const fcvm_vm_snapshot& files, base::Deadline deadline) {
  return instance_->call(kSnapshot, instance_->verbs().snapshot, &files, deadline.as_ns());
}

Result<void> Machine::pause(base::Deadline deadline) {
  return instance_->call(kPause, instance_->verbs().pause, deadline.as_ns());
}

Result<void> Machine::resume(base::Deadline deadline) {
  return instance_->call(kResume, instance_->verbs().resume, deadline.as_ns());
}

Unexpected Machine::no_balloon() const {
  return fail(ENOTSUP, instance_->plugin_id() + " has no balloon",
              "fcvm plugin ls lists other VMMs");
}

Result<void> Machine::set_balloon(std::uint64_t bytes, base::Deadline deadline) {
  if (instance_->verbs().set_balloon == nullptr) return no_balloon();
  return instance_->call(kSetBalloon, instance_->verbs().set_balloon, bytes, deadline.as_ns());
}

Result<fcvm_vm_balloon> Machine::balloon(base::Deadline deadline) {
  if (instance_->verbs().balloon == nullptr) return no_balloon();
  auto figures = sized<fcvm_vm_balloon>();
  FCVM_TRY(instance_->call(kBalloon, instance_->verbs().balloon, deadline.as_ns(), &figures));
  return figures;
}

Result<Fd> Machine::connect(std::uint32_t port, base::Deadline deadline) {
  std::int32_t fd = -1;
  FCVM_TRY(instance_->call(kConnect, instance_->verbs().connect, port, deadline.as_ns(), &fd));
  return plugin::take_descriptor(instance_->plugin_id(), "the stream of connect", fd);
}

Result<fcvm_vm_status> Machine::status() {
  auto status = sized<fcvm_vm_status>();
  FCVM_TRY(instance_->call(kStatus, instance_->verbs().status, &status));
  return status;
}

Result<void> Machine::kill(base::Deadline deadline) {
  return instance_->call(kKill, instance_->verbs().kill, deadline.as_ns());
}

}  // namespace fcvm::vm
