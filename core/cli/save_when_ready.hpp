// SaveWhenReady: makes a snapshot of the VM that this process supervises once that is ready. From a
// thread of its own, which asks the supervisor as any other command does: the supervisor's own
// threads have the VM to see to. Owns the thread.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include <fcvm/result.hpp>

#include "core/snapshot/create.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::cli {

class SaveWhenReady {
 public:
  /// On that thread.
  using Done = std::function<void(const Result<void>& saved, const std::string& snapshot)>;

  /// `vms` must outlive it.
  SaveWhenReady(const vm::Store& vms, snapshot::CreateOptions options, Done done)
      : vms_(vms), options_(std::move(options)), done_(std::move(done)) {}

  /// Only the first call counts. The destructor waits until it is done; a supervisor that has ended
  /// meanwhile is a reason to fail.
  void begin(const vm::Record& record);

 private:
  void save(const vm::Record& record) const;

  const vm::Store& vms_;
  const snapshot::CreateOptions options_;
  const Done done_;
  std::jthread thread_;
};

}  // namespace fcvm::cli
