// ServedMemory: a clone's memory by a page server, which is another process and has many clones.
// Owns the connection, and the thread that watches over it: when the server ends, the clone's VMM
// is ended at once, so that it never waits for a page that nobody will give.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <fcvm/sdk/fd.hpp>

#include "core/vm/memory/clone_memory.hpp"
#include "core/vm/model/paths.hpp"

namespace fcvm::vm {

class ServedMemory final : public CloneMemory {
 public:
  static Result<std::unique_ptr<ServedMemory>> connect(const Paths& paths, pid_t server,
                                                       std::string clone);
  ~ServedMemory() override;

  Result<void> offer(int clone_directory, base::Deadline deadline) override;
  Result<void> started(int vmm_pidfd, bool prefetch) override;
  std::optional<std::string> failure() override;
  void cancel() override;

 private:
  ServedMemory(Fd connection, pid_t server, std::string clone)
      : connection_(std::move(connection)), server_(server), clone_(std::move(clone)) {}
  void watch();

  const Fd connection_;
  const pid_t server_;
  const std::string clone_;
  Fd vmm_;   // a pidfd
  Fd stop_;  // an eventfd
  std::atomic<bool> is_lost_{false};
  std::thread watcher_;
};

}  // namespace fcvm::vm
