// ProcessKeeper: process/1. Owns the children that plugins ask for, and one thread which starts
// them and reads what they print.
//
// The thread matters: the kernel sends PDEATHSIG when the *thread* that forked ends, so children
// must be forked by a thread that lives as long as they may.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/jail/jail.hpp"
#include "core/base/loop/loop.hpp"
#include "core/base/pace.hpp"
#include "core/base/process/child.hpp"
#include "core/plugin/services.hpp"

namespace fcvm::plugin {

/// One that a plugin asked for and that runs.
struct RunningProcess {
  std::string name;
  pid_t pid;
  /// Nothing: it was not to be jailed.
  std::optional<base::JailOutcome> jail;
};

class ProcessKeeper : public ProcessService {
 public:
  ProcessKeeper();
  ProcessKeeper(const ProcessKeeper&) = delete;
  ProcessKeeper& operator=(const ProcessKeeper&) = delete;
  /// Kills and reaps whatever was not released: all are signalled before any is waited for.
  ~ProcessKeeper() override;

  /// Where children start that do not name a cgroup; borrowed, -1 for our own.
  void set_cgroup(int cgroup_fd) { cgroup_fd_ = cgroup_fd; }

  Result<std::uint64_t> spawn(std::string_view owner, const fcvm_process_spec& spec) override;
  /// In this jail. For jailer.hpp.
  Result<std::uint64_t> spawn_jailed(std::string_view owner, const fcvm_process_spec& spec,
                                     const base::Jail& jail);
  /// In the order in which they were started.
  [[nodiscard]] std::vector<RunningProcess> running();
  Result<fcvm_process_status> status(std::uint64_t handle) override;
  Result<void> signal(std::uint64_t handle, int number) override;
  int pidfd(std::uint64_t handle) override;
  void release(std::uint64_t handle, std::chrono::nanoseconds grace) override;

 private:
  struct Kept {
    std::mutex mutex;  // of the child, which serves one thread at a time
    base::Child child;
    std::optional<base::ExitStatus> ended;
    const std::string name;
    const std::optional<base::JailOutcome> jail;
    Kept(base::Child owned, std::string called, std::optional<base::JailOutcome> jailed)
        : child(std::move(owned)), name(std::move(called)), jail(std::move(jailed)) {}
  };
  struct Output {
    base::Fd from;
    std::string component;
    std::string line;
    base::FrameBudget budget{2, 200};  // of lines; what a guest can cause is in some of them
    std::uint64_t dropped = 0;
  };

  void run();
  template <typename Task>
  Result<void> on_thread(Task task);
  Result<void> listen(Output output);
  void hear(std::list<Output>::iterator output);
  bool drain(Output& output);
  static void log_line(Output& output);
  Result<base::Child> start(std::string_view owner, const fcvm_process_spec& spec,
                            const base::Jail* jail, base::JailOutcome& outcome);
  Result<std::uint64_t> keep(std::string_view owner, const fcvm_process_spec& spec,
                             const base::Jail* jail);
  Result<std::shared_ptr<Kept>> find(std::uint64_t handle);
  static fcvm_process_status describe(Kept& kept);

  std::mutex mutex_;
  std::uint64_t next_handle_ = 1;
  std::map<std::uint64_t, std::shared_ptr<Kept>> kept_;
  int cgroup_fd_ = -1;

  Result<std::unique_ptr<base::Loop>> loop_;  // an error is for whoever starts a process
  std::list<Output> outputs_;                 // the thread's alone
  std::thread thread_;                        // last: it uses all of the above
};

}  // namespace fcvm::plugin
