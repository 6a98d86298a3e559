// GuestControl: the control conversation with the guest's agent. Owns the stream and the thread
// that reads it; dials again when the stream breaks, and misses no event by it.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <fcvm/result.hpp>

#include "core/base/pace.hpp"
#include "core/vm/guest/guest_stream.hpp"
#include "core/wire/control.hpp"

namespace fcvm::vm {

/// Opens a stream to a guest port; called from any thread.
using DialGuest = std::function<Result<Fd>(std::uint32_t port, base::Deadline deadline)>;

class GuestControl {
 public:
  using EventHandler = std::function<void(const wire::Event&)>;
  using HealthHandler = std::function<void(const wire::Health&)>;

  /// Both are called on this object's thread: `handle` once for each event and in their order,
  /// `on_health` with how the container is, again when that has been told again. Events up to
  /// `after` are not told.
  GuestControl(
      DialGuest dial, EventHandler handle, HealthHandler on_health = [](const wire::Health&) {},
      std::uint64_t after = 0);
  GuestControl(const GuestControl&) = delete;
  GuestControl& operator=(const GuestControl&) = delete;
  ~GuestControl();

  /// Dials until the agent answers; its version, as it says.
  [[nodiscard]] Result<std::string> connect(base::Deadline deadline);

  /// Sends a request (its `id` is filled in here) and waits for its Done.
  template <typename Request>
  Result<void> request(Request request, base::Deadline deadline) {
    request.id = next_id();
    return transact(request.id, wire::encode(request), deadline, false);
  }
  /// From any thread, for good: requests under way fail with ECANCELED, and so do later ones, of
  /// which one may be about to begin. After that the guest is asked by last_request() alone, which
  /// waits for no guest that cannot be reached.
  void cancel_requests();
  template <typename Request>
  Result<void> last_request(Request request, base::Deadline deadline) {
    request.id = next_id();
    return transact(request.id, wire::encode(request), deadline, true);
  }

 private:
  struct Answer {
    std::int32_t code;
    std::string message;
  };

  std::uint64_t next_id();
  Result<void> send(GuestStream& stream, const std::string& frames, base::Deadline deadline);
  Result<void> transact(std::uint64_t id, const std::string& frames, base::Deadline deadline,
                        bool is_last);
  Result<std::shared_ptr<GuestStream>> dial(base::Deadline deadline);
  void run();
  bool rest(std::chrono::nanoseconds pause);
  void read_from(GuestStream& stream);
  Result<void> handle_frame(const wire::Frame& frame);
  void lose_stream();

  DialGuest dial_;
  EventHandler handle_;
  HealthHandler on_health_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<GuestStream> stream_;
  std::map<std::uint64_t, std::optional<Answer>> waiting_;
  std::uint64_t last_id_ = 0;
  bool cancelled_ = false;
  bool is_unreachable_ = false;  // the stream broke, and dialling again has failed since
  bool stopping_ = false;
  std::timed_mutex sending_;  // whose frames are on the stream; never taken with mutex_ held

  // The thread's alone, after connect().
  const std::uint64_t after_;
  std::uint64_t last_event_ = 0;  // 0: none was told yet
  base::RedialPause redial_pause_;
  base::FrameBudget frames_{200, 400};
  std::thread thread_;
};

}  // namespace fcvm::vm
