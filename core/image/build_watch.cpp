#include "core/image/build_watch.hpp"

#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <sys/statvfs.h>
#include <utility>

#include "core/vm/supervisor/space_watch.hpp"

namespace fcvm::image {
namespace {

/// A cancel has 100 ms.
constexpr std::chrono::milliseconds kLook{40};
constexpr int kMoment = 500;

Unexpected vmm_ended() { return fail(EIO, "its VMM ended before its command"); }

Result<void> has_room(const std::filesystem::path& directory) {
  struct statvfs about {};
  if (::statvfs(directory.c_str(), &about) != 0) return {};
  const auto limits = vm::SpaceLimits::of(about.f_frsize * std::uint64_t{about.f_blocks});
  if (about.f_frsize * std::uint64_t{about.f_bavail} >= limits.low) return {};
  return fail(ENOSPC, "the host's disk is full: " + directory.string(),
              "make room in the file system of " + directory.string() +
                  "; fcvm image prune --all may help");
}

}  // namespace

BuildWatch::BuildWatch(const Call& call, std::vector<std::filesystem::path> directories,
                       std::function<void()> end)
    : call_(call), directories_(std::move(directories)), end_(std::move(end)) {
  thread_ = std::thread([this] { run(); });
}

Result<void> BuildWatch::watch_vmm(int pidfd) {
  Fd copy(::fcntl(pidfd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail_errno("watching the VMM");
  const std::lock_guard lock(mutex_);
  vmm_ = std::move(copy);
  return {};
}

void BuildWatch::stop() {
  stopped_ = true;
  if (thread_.joinable()) thread_.join();
}

Result<void> BuildWatch::check() const {
  const std::lock_guard lock(mutex_);
  return why_ ? Result<void>(unexpected(*why_)) : Result<void>();
}

Result<void> BuildWatch::check_broken() const {
  FCVM_TRY(check());
  const std::lock_guard lock(mutex_);
  pollfd ended{vmm_.get(), POLLIN, 0};
  if (vmm_ && ::poll(&ended, 1, kMoment) > 0) return vmm_ended();
  return {};
}

void BuildWatch::run() {
  while (!stopped_) {
    auto well = look();
    if (!well) {
      {
        const std::lock_guard lock(mutex_);
        if (!why_) why_ = std::move(well).error();
      }
      end_();
    }
    pollfd cancel{call_.cancel_fd(), POLLIN, 0};
    // Cancelled already: what is left is to end whatever begins still.
    ::poll(well ? &cancel : nullptr, well ? 1 : 0, static_cast<int>(kLook.count()));
  }
}

Result<void> BuildWatch::look() {
  FCVM_TRY(call_.check());
  {
    const std::lock_guard lock(mutex_);
    pollfd ended{vmm_.get(), POLLIN, 0};
    if (vmm_ && ::poll(&ended, 1, 0) > 0) return vmm_ended();
  }
  for (const auto& directory : directories_) FCVM_TRY(has_room(directory));
  return {};
}

}  // namespace fcvm::image
