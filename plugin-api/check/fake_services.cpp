// Owns the services of the fake host: each records the call and answers in the host's manner.
#include "plugin-api/check/fake_services.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <fcvm/host.h>
#include <fcvm/sdk/sized.hpp>

#include "plugin-api/check/fake_host.hpp"

namespace fcvm::check {
namespace {

std::string shown(const char* given) { return given == nullptr ? "(null)" : given; }
bool silent(const fcvm_host* host) { return FakeHost::of(host).manner() == Manner::kSilent; }

const fcvm_log_v1* log_table() {
  static const fcvm_log_v1 table = [] {
    auto made = sized<fcvm_log_v1>();
    made.write = [](const fcvm_host* host, std::uint32_t, const char* message) {
      FakeHost::of(host).record("log/1 write " + shown(message));
    };
    made.enabled = [](const fcvm_host*, std::uint32_t) -> std::int32_t { return 1; };
    return made;
  }();
  return &table;
}

std::int32_t spawn(const fcvm_host* host, const fcvm_process_spec* spec, std::uint64_t* handle,
                   fcvm_error* error) {
  auto& self = FakeHost::of(host);
  self.record("process/1 spawn " + shown(spec->program));
  if (!silent(host)) return FakeHost::refuse(error, -ENOENT, "the fake host starts no program");
  return self.start_sleeper(handle);
}

std::int32_t sleeper_status(const fcvm_host* host, std::uint64_t handle, fcvm_process_status* out,
                            fcvm_error* error) {
  const auto* sleeper = FakeHost::of(host).sleeper(handle);
  if (sleeper == nullptr) return FakeHost::refuse(error, -ESRCH, "no such process");
  auto status = sized<fcvm_process_status>();
  status.running = 1;
  status.pid = sleeper->pid;
  status.exit_code = -1;
  sized_assign(out, status);
  return 0;
}

const fcvm_process_v1* process_table() {
  static const fcvm_process_v1 table = [] {
    auto made = sized<fcvm_process_v1>();
    made.spawn = spawn;
    made.status = sleeper_status;
    made.signal = [](const fcvm_host*, std::uint64_t, std::int32_t, fcvm_error*) -> std::int32_t {
      return 0;
    };
    made.pidfd = [](const fcvm_host* host, std::uint64_t handle) -> std::int32_t {
      const auto* sleeper = FakeHost::of(host).sleeper(handle);
      return sleeper == nullptr ? -1 : sleeper->pidfd.get();
    };
    made.release = [](const fcvm_host* host, std::uint64_t handle, std::int64_t) {
      FakeHost::of(host).end_sleeper(handle);
    };
    return made;
  }();
  return &table;
}

std::int32_t stream(const fcvm_host* host, const char* call, std::int32_t* fd, fcvm_error* error) {
  auto& self = FakeHost::of(host);
  self.record(call);
  if (!silent(host))
    return FakeHost::refuse(error, -ECONNREFUSED, "the fake guest does not listen");
  return self.silent_stream(fd);
}

std::int32_t guest_exec(const fcvm_host* host, const fcvm_guest_exec*, std::int64_t, fcvm_output_fn,
                        void*, std::int32_t* exit_code, fcvm_error* error) {
  FakeHost::of(host).record("guest/1 exec");
  if (!silent(host)) return FakeHost::refuse(error, -ENOTCONN, "the fake guest runs no command");
  ::usleep(10'000);
  if (exit_code != nullptr) *exit_code = 1;
  return 0;
}

const fcvm_guest_v1* guest_table() {
  static const fcvm_guest_v1 table = [] {
    auto made = sized<fcvm_guest_v1>();
    made.dial = [](const fcvm_host* host, std::uint32_t, std::int64_t, std::int32_t* fd,
                   fcvm_error* error) { return stream(host, "guest/1 dial", fd, error); };
    made.dial_tcp = [](const fcvm_host* host, std::uint16_t, std::int64_t, std::int32_t* fd,
                       fcvm_error* error) { return stream(host, "guest/1 dial_tcp", fd, error); };
    made.exec = guest_exec;
    made.subscribe = [](const fcvm_host* host, std::uint32_t, fcvm_line_fn, void*,
                        std::uint64_t* subscription, fcvm_error*) -> std::int32_t {
      FakeHost::of(host).record("guest/1 subscribe");
      *subscription = 1;
      return 0;
    };
    made.unsubscribe = [](const fcvm_host*, std::uint64_t) {};
    return made;
  }();
  return &table;
}

const fcvm_state_v1* state_table() {
  static const fcvm_state_v1 table = [] {
    auto made = sized<fcvm_state_v1>();
    made.put = [](const fcvm_host* host, const char* key, const char*,
                  fcvm_error*) -> std::int32_t {
      FakeHost::of(host).record("state/1 put " + shown(key));
      return 0;
    };
    made.forget = [](const fcvm_host* host, const char* key, fcvm_error*) -> std::int32_t {
      FakeHost::of(host).record("state/1 forget " + shown(key));
      return 0;
    };
    made.list = [](const fcvm_host*, fcvm_record_fn, void*, fcvm_error*) -> std::int32_t {
      return 0;
    };
    made.directory = [](const fcvm_host*, std::int32_t* fd, fcvm_error*) -> std::int32_t {
      *fd = ::open(".", O_DIRECTORY | O_CLOEXEC);
      return *fd < 0 ? -errno : 0;
    };
    return made;
  }();
  return &table;
}

const fcvm_progress_v1* progress_table() {
  static const fcvm_progress_v1 table = [] {
    auto made = sized<fcvm_progress_v1>();
    made.begin = [](const fcvm_host* host, const char* what, std::uint64_t,
                    const char*) -> std::uint64_t {
      FakeHost::of(host).record("progress/1 begin " + shown(what));
      return 1;
    };
    made.update = [](const fcvm_host*, std::uint64_t, std::uint64_t) {};
    made.end = [](const fcvm_host*, std::uint64_t, std::int32_t) {};
    return made;
  }();
  return &table;
}

}  // namespace

const void* fake_service(std::string_view id) {
  if (id == "log/1") return log_table();
  if (id == "process/1") return process_table();
  if (id == "guest/1") return guest_table();
  if (id == "state/1") return state_table();
  if (id == "progress/1") return progress_table();
  return nullptr;
}

}  // namespace fcvm::check
