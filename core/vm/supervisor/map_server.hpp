// MapServer: serves one directory of the host's to the guest. Owns the confined process that does
// it, and the thread that dials the guest for it.
//
// The process never gets more than a stream: what a guest sends meets nothing else of ours.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include <fcvm/result.hpp>

#include "core/base/pace.hpp"
#include "core/base/process/child.hpp"
#include "core/vm/guest/guest_control.hpp"
#include "core/vm/model/map_plan.hpp"

namespace fcvm::vm {

class MapServer {
 public:
  /// `program` is fusepipe, and `number` the map's in the guest's boot plan. The thread that calls
  /// this must live as long as the server, which ends with it.
  static Result<std::unique_ptr<MapServer>> start(const std::filesystem::path& program,
                                                  const MapPlan& plan, std::uint32_t number,
                                                  DialGuest dial);
  MapServer(const MapServer&) = delete;
  MapServer& operator=(const MapServer&) = delete;
  /// Waits until a dial that is under way has failed: cancel those first.
  ~MapServer();

 private:
  MapServer(std::uint32_t number, DialGuest dial) : number_(number), dial_(std::move(dial)) {}

  Result<void> spawn(const std::filesystem::path& program, const MapPlan& plan);
  void run();
  [[nodiscard]] Result<Fd> open_stream();
  [[nodiscard]] bool wait_for_request();
  [[nodiscard]] bool rest(std::chrono::milliseconds pause);

  const std::uint32_t number_;
  const DialGuest dial_;
  std::optional<base::Child> process_;
  Fd control_;  // over which it asks for streams
  Fd stop_;     // an eventfd
  /// A guest may end each stream at once.
  base::FrameBudget dials_{20, 64};
  std::thread thread_;
};

}  // namespace fcvm::vm
