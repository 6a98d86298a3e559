// See memory.hpp.
#include "tests/support/vmm_driver/memory.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fcvm/sdk/call.hpp>

#include "core/base/io/fd.hpp"
#include "tests/support/vmm_driver/machine.hpp"
#include "tests/support/vmm_host.hpp"

namespace driver {

namespace {

constexpr const char* kClone = "driven";
constexpr const char* kWorkingSet = "working-set";

std::int64_t soon() { return fcvm::monotonic_now() + std::int64_t{60} * 1'000'000'000; }

}  // namespace

Result<std::unique_ptr<Memory>> Memory::open(const std::string& plugin, const std::string& from,
                                             std::uint64_t memory_bytes) {
  std::unique_ptr<Memory> made(new Memory);
  made->from_ = FCVM_TRY(fcvm::base::open_file(from, O_RDONLY | O_DIRECTORY));
  made->plugin_ = &load_plugin(plugin);
  made->verbs_ = static_cast<const fcvm_memory_v1*>(made->plugin_->verbs(FCVM_KIND_MEMORY));
  const auto settings = fcvm::sized<fcvm_settings>();
  FCVM_TRY(made->answer(
      made->plugin_->create(fcvm::test::vmm_host(), &settings, &made->instance_, &made->error_)));
  auto layer = fcvm::sized<fcvm_memory_layer>();
  layer.directory_fd = made->from_.get();
  layer.path = "memory";
  const fcvm_memory_layer* const layers[] = {&layer};
  auto request = fcvm::sized<fcvm_memory_request>();
  request.layers = layers;
  request.layer_count = 1;
  request.memory_bytes = memory_bytes;
  request.page_bytes = 4096;
  if (::faccessat(layer.directory_fd, kWorkingSet, R_OK, 0) == 0) {
    request.working_set = kWorkingSet;
  }
  FCVM_TRY(made->answer(made->verbs_->open(made->instance_, &request, soon(), &made->error_)));
  return made;
}

Memory::~Memory() {
  if (plugin_ != nullptr) plugin_->destroy(&instance_);
}

Result<void> Memory::answer(std::int32_t code) const {
  if (code == 0) return {};
  return fcvm::unexpected(fcvm::take_error(code, error_));
}

Result<fcvm_memory_offer> Memory::attach(int directory) {
  auto clone = fcvm::sized<fcvm_memory_clone>();
  clone.clone_id = kClone;
  clone.directory_fd = directory;
  clone.flags = FCVM_CLONE_RECORD;
  auto offer = fcvm::sized<fcvm_memory_offer>();
  FCVM_TRY(answer(verbs_->attach_clone(instance_, &clone, soon(), &offer, &error_)));
  return offer;
}

Result<void> Memory::started(std::int32_t pid) {
  vmm_ = fcvm::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!vmm_) return fcvm::fail_errno("opening the VMM's pidfd");
  return answer(verbs_->clone_started(instance_, kClone, vmm_.get(), &error_));
}

Result<void> Memory::prefetch() {
  return answer(verbs_->prefetch(instance_, kClone, soon(), &error_));
}

Result<void> Memory::record() {
  ::unlinkat(from_.get(), kWorkingSet, 0);
  return answer(verbs_->working_set(instance_, kClone, from_.get(), kWorkingSet, soon(), &error_));
}

Result<fcvm_memory_figures> Memory::figures() {
  auto figures = fcvm::sized<fcvm_memory_figures>();
  FCVM_TRY(answer(verbs_->figures(instance_, &figures, &error_)));
  return figures;
}

}  // namespace driver
