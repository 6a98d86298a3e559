// A host for tests of the SDK and of plugins: real processes, a scripted guest, a log to look at.
#pragma once

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <map>
#include <set>
#include <spawn.h>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fcvm/host.h>
#include <fcvm/sdk/sized.hpp>

namespace fcvm::test {

class FakeHost {
 public:
  std::set<std::string> missing;  // services that this host does not have
  std::vector<std::string> logged;
  std::vector<std::pair<std::string, std::string>> state;
  struct Exec {
    std::vector<std::string> arguments;
    std::uint32_t flags;
    std::int32_t exit_code = 0;
    std::string output{};
    std::string errors{};
  };
  std::function<std::int32_t(Exec&)> on_exec;
  std::function<std::int32_t(std::uint16_t port, std::int32_t* fd)> on_dial_tcp;
  std::vector<std::string> console;  // what a subscriber is told at once
  /// A builder VM: its command, and its disks as "id path flags", in the directory that was given.
  struct Build {
    std::vector<std::string> arguments;
    std::vector<std::string> disks;
    int directory;
    std::int32_t exit_code = 0;
    std::string output{};
  };
  std::function<std::int32_t(Build&)> on_build;

  FakeHost() {
    host_ = sized<fcvm_host>();
    host_.version = "0.1.0";
    host_.context = this;
    host_.service = [](const fcvm_host* host, const char* id) -> const void* {
      return of(host).missing.count(id) != 0 ? nullptr : service(id);
    };
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  [[nodiscard]] fcvm_host* raw() { return &host_; }

 private:
  static FakeHost& of(const fcvm_host* host) { return *static_cast<FakeHost*>(host->context); }

  static const void* service(const std::string& id) {
    static const auto log = log_table();
    static const auto process = process_table();
    static const auto guest = guest_table();
    static const auto state = state_table();
    static const auto builder = builder_table();
    if (id == "log/1") return &log;
    if (id == "process/1") return &process;
    if (id == "guest/1") return &guest;
    if (id == "state/1") return &state;
    if (id == "builder/1") return &builder;
    return nullptr;
  }

  static fcvm_log_v1 log_table() {
    auto made = sized<fcvm_log_v1>();
    made.write = [](const fcvm_host* host, std::uint32_t, const char* message) {
      of(host).logged.emplace_back(message);
    };
    made.enabled = [](const fcvm_host*, std::uint32_t) -> std::int32_t { return 1; };
    return made;
  }

  static fcvm_process_v1 process_table() {
    auto made = sized<fcvm_process_v1>();
    made.spawn = spawn;
    made.status = [](const fcvm_host*, std::uint64_t handle, fcvm_process_status* out,
                     fcvm_error*) {
      siginfo_t info{};
      auto status = sized<fcvm_process_status>();
      status.pid = pid_of(handle);
      status.exit_code = -1;
      ::waitid(P_PID, static_cast<id_t>(status.pid), &info, WEXITED | WNOHANG | WNOWAIT);
      status.running = info.si_pid == 0 ? 1 : 0;
      if (info.si_code == CLD_EXITED) status.exit_code = info.si_status;
      if (info.si_code == CLD_KILLED) status.exit_signal = info.si_status;
      sized_assign(out, status);
      return 0;
    };
    made.signal = [](const fcvm_host*, std::uint64_t handle, std::int32_t signal, fcvm_error*) {
      return ::kill(pid_of(handle), signal) == 0 ? 0 : -errno;
    };
    made.pidfd = [](const fcvm_host*, std::uint64_t handle) {
      return static_cast<std::int32_t>(handle >> 32);
    };
    made.release = [](const fcvm_host*, std::uint64_t handle, std::int64_t) {
      ::kill(pid_of(handle), SIGKILL);
      ::waitpid(pid_of(handle), nullptr, 0);
      ::close(static_cast<int>(handle >> 32));
    };
    return made;
  }
  static pid_t pid_of(std::uint64_t handle) { return static_cast<pid_t>(handle & 0xffffffffU); }

  static std::int32_t spawn(const fcvm_host*, const fcvm_process_spec* spec, std::uint64_t* handle,
                            fcvm_error* error) {
    pid_t pid = 0;
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    if ((spec->flags & FCVM_PROCESS_HAS_STDOUT) != 0) {
      ::posix_spawn_file_actions_adddup2(&actions, spec->stdout_fd, 1);
    }
    const int failed = ::posix_spawnp(&pid, spec->program, &actions, nullptr,
                                      const_cast<char* const*>(spec->arguments), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
      return put_error(error, Error(failed, std::string("starting ") + spec->program + ": " +
                                                std::strerror(failed)));
    }
    const auto pidfd = static_cast<std::uint64_t>(::syscall(SYS_pidfd_open, pid, 0));
    *handle = (pidfd << 32) | static_cast<std::uint64_t>(pid);
    return 0;
  }

  static fcvm_guest_v1 guest_table() {
    auto made = sized<fcvm_guest_v1>();
    made.exec = [](const fcvm_host* host, const fcvm_guest_exec* raw, std::int64_t,
                   fcvm_output_fn output, void* context, std::int32_t* exit_code, fcvm_error*) {
      Exec exec{{}, raw->flags};
      for (auto* at = raw->arguments; *at != nullptr; ++at) exec.arguments.emplace_back(*at);
      const std::int32_t code = of(host).on_exec(exec);
      if (code != 0) return code;
      output(context, FCVM_OUTPUT_STDOUT, exec.output.data(), exec.output.size());
      output(context, FCVM_OUTPUT_STDERR, exec.errors.data(), exec.errors.size());
      *exit_code = exec.exit_code;
      return 0;
    };
    made.dial_tcp = [](const fcvm_host* host, std::uint16_t port, std::int64_t, std::int32_t* fd,
                       fcvm_error*) { return of(host).on_dial_tcp(port, fd); };
    made.subscribe = [](const fcvm_host* host, std::uint32_t source, fcvm_line_fn line,
                        void* context, std::uint64_t* subscription, fcvm_error*) {
      for (const auto& said : of(host).console) {
        auto one = sized<fcvm_line>();
        one.source = source;
        one.bytes = said.data();
        one.length = said.size();
        line(context, &one);
      }
      *subscription = 1;
      return 0;
    };
    made.unsubscribe = [](const fcvm_host*, std::uint64_t) {};
    return made;
  }

  static fcvm_builder_v1 builder_table() {
    auto made = sized<fcvm_builder_v1>();
    made.run = [](const fcvm_host* host, const fcvm_build* raw, std::int64_t, fcvm_output_fn output,
                  void* context, std::int32_t* exit_code, fcvm_error*) {
      const auto wanted = sized_copy(raw);
      Build build{{}, {}, fd_of(wanted.flags, FCVM_BUILD_HAS_DIRECTORY, wanted.directory_fd)};
      for (auto* at = wanted.arguments; *at != nullptr; ++at) build.arguments.emplace_back(*at);
      for (const auto& disk : sized_elements(wanted.disks, wanted.disk_count)) {
        build.disks.push_back(std::string(disk.id) + " " + disk.path + " " +
                              std::to_string(disk.flags));
      }
      const std::int32_t code = of(host).on_build(build);
      if (code != 0) return code;
      output(context, FCVM_OUTPUT_STDOUT, build.output.data(), build.output.size());
      *exit_code = build.exit_code;
      return 0;
    };
    return made;
  }

  static fcvm_state_v1 state_table() {
    auto made = sized<fcvm_state_v1>();
    made.put = [](const fcvm_host* host, const char* key, const char* value, fcvm_error*) {
      of(host).state.emplace_back(key, value);
      return 0;
    };
    made.list = [](const fcvm_host* host, fcvm_record_fn record, void* context, fcvm_error*) {
      for (const auto& [key, value] : of(host).state) record(context, key.c_str(), value.c_str());
      return 0;
    };
    return made;
  }

  fcvm_host host_;
};

}  // namespace fcvm::test
