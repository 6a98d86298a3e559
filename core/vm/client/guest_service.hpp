// GuestService: guest/1 for the plugins of one VM. It speaks to the guest as `fcvm exec` and
// `fcvm logs` do, through the VM's supervisor and its logs, so that it works in the supervisor's
// own process as well as in another. Owns the threads that follow logs for subscribers.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/plugin/services.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::vm {

class GuestService final : public plugin::GuestService {
 public:
  /// `keeps_log`: whether what the container writes is in its log file.
  GuestService(const Store& store, std::string id, bool keeps_log)
      : store_(store), id_(std::move(id)), keeps_log_(keeps_log) {}
  GuestService(const GuestService&) = delete;
  GuestService& operator=(const GuestService&) = delete;
  /// Ends the subscriptions that nobody has ended.
  ~GuestService() override;

  Result<base::Fd> dial(std::uint32_t port, const Call& call) override;
  Result<base::Fd> dial_tcp(std::uint16_t port, const Call& call) override;
  Result<int> exec(const Exec& command, const Call& call, const OutputHandler& output) override;
  Result<std::uint64_t> subscribe(std::uint32_t source, LineHandler handler) override;
  void unsubscribe(std::uint64_t subscription) override;

 private:
  struct Follower {
    std::atomic<bool> ended{false};
    std::thread thread;
  };

  template <typename Request>
  Result<base::Fd> stream_by(const Request& request, const Call& call);
  void follow_container(std::uint32_t source, const LineHandler& handler, const Follower& self);
  void follow_console(const LineHandler& handler, const Follower& self);

  const Store& store_;
  const std::string id_;
  const bool keeps_log_;
  std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Follower>> followers_;
};

}  // namespace fcvm::vm
