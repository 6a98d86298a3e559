// Owns what the fake host hands out: streams nobody writes to and children that only sleep.
#include "plugin-api/check/fake_host.hpp"

#include <csignal>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcvm/sdk/sized.hpp>

#include "plugin-api/check/fake_services.hpp"

namespace fcvm::check {

FakeHost::FakeHost(Manner manner) : manner_(manner) {
  host_ = sized<fcvm_host>();
  host_.version = FCVM_VERSION;
  host_.context = this;
  host_.service = [](const fcvm_host* host, const char* id) -> const void* {
    FakeHost& self = of(host);
    self.record(std::string("service ") + (id == nullptr ? "(null)" : id));
    return self.manner_ == Manner::kAbsent || id == nullptr ? nullptr : fake_service(id);
  };
}

FakeHost::~FakeHost() {
  while (!sleepers_.empty()) end_sleeper(sleepers_.begin()->first);
}

FakeHost& FakeHost::of(const fcvm_host* host) { return *static_cast<FakeHost*>(host->context); }

void FakeHost::record(std::string call) {
  const std::lock_guard lock(mutex_);
  calls_.push_back(std::move(call));
}

std::vector<std::string> FakeHost::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::string FakeHost::call_of(const std::string& beginning) const {
  for (const auto& call : calls()) {
    if (call.compare(0, beginning.size(), beginning) == 0) return call;
  }
  return {};
}

std::int32_t FakeHost::refuse(fcvm_error* error, std::int32_t code, const char* message) {
  return put_error(error, Error(-code, message));
}

std::int32_t FakeHost::silent_stream(std::int32_t* fd) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
  const std::lock_guard lock(mutex_);
  far_ends_.emplace_back(ends[1]);
  *fd = ends[0];
  return 0;
}

std::int32_t FakeHost::start_sleeper(std::uint64_t* handle) {
  const int pid = ::fork();
  if (pid < 0) return -errno;
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
  }
  const std::lock_guard lock(mutex_);
  *handle = next_handle_++;
  sleepers_.emplace(*handle, Sleeper{pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))});
  return 0;
}

const FakeHost::Sleeper* FakeHost::sleeper(std::uint64_t handle) const {
  const std::lock_guard lock(mutex_);
  const auto found = sleepers_.find(handle);
  return found == sleepers_.end() ? nullptr : &found->second;
}

void FakeHost::end_sleeper(std::uint64_t handle) {
  const std::lock_guard lock(mutex_);
  const auto found = sleepers_.find(handle);
  if (found == sleepers_.end()) return;
  ::kill(found->second.pid, SIGKILL);
  ::waitpid(found->second.pid, nullptr, 0);
  sleepers_.erase(found);
}

}  // namespace fcvm::check
