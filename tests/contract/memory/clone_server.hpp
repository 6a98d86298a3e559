// CloneServer: owns the socket of one clone, the userfaultfd that its VMM hands over there, and the
// thread that answers the VMM's page faults.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fcvm/memory.h>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>

#include "tests/contract/memory/layers.hpp"

namespace fcvm::test {

class CloneServer {
 public:
  /// `layers` outlives it; `broke` is an eventfd that is told when the clone can be served no more.
  CloneServer(const Layers& layers, int broke) : layers_(layers), broke_(broke) {}
  CloneServer(const CloneServer&) = delete;
  CloneServer& operator=(const CloneServer&) = delete;
  ~CloneServer() { end(); }

  Result<void> listen(const fcvm_memory_clone& clone);
  /// Ends the VMM first, if it was lent and lives, and then the serving. Twice is harmless.
  void end();
  Result<void> started(int pidfd);
  Result<void> prefetch(const std::vector<std::uint64_t>& offsets, const Call& call);
  [[nodiscard]] Result<std::vector<std::uint64_t>> used();
  [[nodiscard]] Result<void> health();
  void add_figures(fcvm_memory_figures& sum, std::vector<std::uint64_t>& times);

  static constexpr const char* kSocket = "pages.sock";

 private:
  struct Region {
    std::uint64_t base;
    std::uint64_t size;
    std::uint64_t offset;
  };
  struct Fault {
    std::uint64_t address;
    std::int64_t since;
  };
  enum class Given { kNow, kBefore, kLater };

  void run();
  Result<void> take_hand_over();
  Result<void> take_regions(const std::string& json);
  Result<void> serve();
  Result<void> read_events();
  Result<Given> give(std::uint64_t address);
  [[nodiscard]] Result<std::uint64_t> offset_of(std::uint64_t address) const;
  [[nodiscard]] Result<std::uint64_t> address_of(std::uint64_t offset) const;
  [[nodiscard]] bool removed(std::uint64_t address) const;
  bool wait_for(int fd, int timeout_ms);
  void break_off(const Error& error);
  void end_vmm();
  Result<void> may_be_served();

  const Layers& layers_;
  const int broke_;
  Fd home_;
  Fd listener_;
  Fd wake_;     // the thread looks anew at what was changed
  Fd settled_;  // readable once there was a hand-over, or there will be none
  bool record_ = false;
  std::atomic<bool> stop_{false};

  // Quick to get: nobody holds it while waiting. Taken after pages_.
  std::mutex mutex_;
  int vmm_ = -1;  // borrowed
  bool vmm_ended_ = false;
  std::optional<Error> broken_;
  bool told_ = false;  // that it is broken: only once the VMM has ended
  fcvm_memory_figures figures_{};
  std::vector<std::uint64_t> times_;

  std::mutex pages_;  // may be held while a file is read
  Fd faults_fd_;
  std::vector<Region> regions_;
  std::vector<Region> removed_;
  std::deque<Fault> faults_;
  std::set<std::uint64_t> used_;  // offsets

  std::thread thread_;  // uses all of the above
};

}  // namespace fcvm::test
