// Streams: what the supervisor has to do with its container's output and stdin: where they go, who
// is attached, and what those do that is of consequence. Owns the pump, the log and the clients.
#pragma once

#include <functional>
#include <memory>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/base/loop/loop.hpp"
#include "core/vm/guest/attachments.hpp"
#include "core/vm/guest/guest_control.hpp"
#include "core/vm/guest/output_pump.hpp"
#include "core/vm/model/run_plan.hpp"
#include "core/vm/store/own_record.hpp"
#include "core/vm/supervisor/lifecycle.hpp"

namespace fcvm::vm {

class Streams {
 public:
  /// Called on the control thread, whose loop it is.
  struct Callbacks {
    std::function<void(const lifecycle::Event&)> happen;
    std::function<void()> on_detached;  // the one who ran the container has left it to itself
  };

  explicit Streams(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

  /// The one who runs the container, when it is not at our own standard descriptors.
  Result<void> add_own(Fd socket);
  /// From the beginning on, so that who is attached can interrupt the start.
  Result<void> start(base::Loop& loop, const RunPlan& plan, const OwnRecord& record,
                     DialGuest dial);
  /// From any thread: the guest listens.
  void guest_is_up() { pump_->guest_is_up(); }
  /// The container runs: clients are let in.
  void let_in(bool tty, bool interactive);
  /// One more client.
  Result<Fd> attach();
  /// Before the guest's end.
  void stop() { pump_.reset(); }
  /// How it ended, to whoever is attached still.
  void end(const Result<int>& outcome);

 private:
  OutputPump::Callbacks pump_callbacks(base::Loop& loop);

  const Callbacks callbacks_;
  bool has_own_ = false;
  Attachments attachments_;
  std::unique_ptr<OutputPump> pump_;
};

}  // namespace fcvm::vm
