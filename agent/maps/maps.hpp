// Maps: the host's directories that the container sees. Owns a process for each, and passes it the
// streams that the host has dialed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "agent/loop.hpp"
#include "agent/maps/map_process.hpp"
#include "core/wire/boot_plan.hpp"

namespace fcvm::agent {

class Maps {
 public:
  using OnMounted = std::function<void(Result<void>)>;

  explicit Maps(Loop& loop) : loop_(loop) {}
  ~Maps();
  Maps(const Maps&) = delete;
  Maps& operator=(const Maps&) = delete;

  /// Mounts them all; tells once that all are there, or why one is not. Never from within.
  void mount(const std::vector<wire::Map>& maps, OnMounted on_mounted);

  /// A stream of the host's for the map of this number. EINVAL when there is none, EBUSY when too
  /// many wait for it to ask.
  Result<void> give(std::uint32_t number, base::Fd stream);

 private:
  struct Map {
    MapProcess process;
    std::size_t wanted = 0;        // streams that it has asked for
    std::deque<base::Fd> streams;  // that it has not asked for yet
    std::string failure;
    bool is_mounted = false;
  };
  static constexpr std::size_t kMostWaiting = 16;

  Result<void> start(std::size_t number, bool read_only);
  void on_request(Map& map);
  void on_failure_text(Map& map);
  void hand_over(Map& map);
  void forget(Map& map);
  void tell(Result<void> how);

  Loop& loop_;
  std::vector<std::unique_ptr<Map>> maps_;
  OnMounted on_mounted_;
};

}  // namespace fcvm::agent
