// CloneServer: owns the socket of one clone, the memory that its VMM hands over there, and the
// thread that answers the VMM's page faults.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <fcvm/memory.h>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>

#include "plugins/memory/uffd/clone_memory.hpp"
#include "plugins/memory/uffd/fault_times.hpp"

struct ucred;

namespace fcvm::memory {

/// What all clones of a snapshot have in common.
struct Served {
  PageSource source;
  PageSet working_set;  // of no pages when there is none
  Fd broke;             // an eventfd, told when a clone can be served no more
  std::uint64_t piece_bytes = 0;
  std::chrono::nanoseconds hand_over_timeout{};
};

struct ServerFigures {
  std::uint64_t faults = 0;
  std::uint64_t bytes_copied = 0;
  std::uint64_t bytes_prefetched = 0;
  FaultTimes times;

  void add(const ServerFigures& other);
};

/// What a caller waits for.
struct Prefetch {
  Fd told;  // an eventfd, for when it is done or has failed
  std::uint64_t cursor = 0;
  bool done = false;
  std::optional<Error> error{};
};

class CloneServer : public std::enable_shared_from_this<CloneServer> {
 public:
  static constexpr const char* kSocket = "pages.sock";

  CloneServer(std::shared_ptr<const Served> served, bool record)
      : served_(std::move(served)), record_(record) {}
  CloneServer(const CloneServer&) = delete;
  CloneServer& operator=(const CloneServer&) = delete;

  Result<void> listen(int directory);
  /// Before the last reference goes. Ends the VMM first, if it was lent and lives, and then the
  /// serving. Twice is harmless. False when the thread did not end, and was left behind.
  bool end();

  // From several threads.
  Result<void> started(int pidfd);
  Result<void> prefetch(const Call& call);
  [[nodiscard]] Result<PageSet> used();
  [[nodiscard]] Result<void> health();
  [[nodiscard]] ServerFigures figures();

 private:
  using Fault = CloneMemory::Fault;
  using Given = CloneMemory::Given;

  void run();
  Result<void> take_and_serve();
  Result<bool> take_hand_over();
  Result<Fd> accept_vmm();
  [[nodiscard]] bool may_be_vmm(const ucred& peer) const;
  Result<void> serve();
  Result<bool> answer(std::vector<Fault>& missed);
  Result<bool> prefetch_some();
  void note_used(const std::vector<Fault>& missed);
  void end_prefetch(std::optional<Error> error);
  short wait_for(int fd, int timeout_ms);
  void break_off(const Error& error);
  void end_vmm();

  const std::shared_ptr<const Served> served_;
  const bool record_;
  Fd home_;
  Fd listener_;
  Fd wake_;  // the thread looks anew at what was changed
  std::atomic<bool> stop_{false};

  // Quick to get: nobody holds it while waiting.
  std::mutex mutex_;
  int vmm_ = -1;                      // borrowed
  std::optional<std::int32_t> peer_;  // the process that handed the memory over
  enum class Stage { kListening, kServing, kEnded } stage_ = Stage::kListening;
  std::condition_variable ended_;  // told of that stage
  std::optional<Error> broken_;
  bool told_ = false;  // that it is broken: only once the VMM has ended
  std::optional<Prefetch> prefetch_;
  ServerFigures figures_;
  PageSet used_;

  std::optional<CloneMemory> memory_;  // the thread's own
  std::thread thread_;
};

}  // namespace fcvm::memory
