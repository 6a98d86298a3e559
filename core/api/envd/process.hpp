// Process: one command in a sandbox and the stream that carries it. Owns the stream. What begins
// with "in the loop" is for the loop's thread alone.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/api/envd/processes.hpp"
#include "core/base/loop/interest.hpp"
#include "core/vm/client/exec_client.hpp"
#include "core/vm/guest/frame_link.hpp"

namespace fcvm::api {

class Process : public std::enable_shared_from_this<Process> {
 public:
  /// `on_end` is called in the loop, once.
  Process(base::Loop& loop, ProcessConfig config, vm::ExecBegun begun, bool takes_input,
          std::function<void()> on_end);

  [[nodiscard]] const ProcessConfig& config() const { return config_; }

  /// Begins to read. From any thread, as are all up to the next remark.
  void begin(base::Deadline limit);
  void add(std::shared_ptr<Subscription> subscription);
  Result<void> send_input(std::string_view input, base::Deadline deadline);
  Result<void> close_input();
  void signal(int number);
  void resize(wire::Resize size);
  /// It goes on, and this ends. `done` is called in the loop.
  void leave(std::function<void()> done);

 private:
  // In the loop:
  void post(std::function<void(Process&)> what);
  void step();
  Result<bool> take_frames();
  Result<bool> take(const wire::Frame& frame);
  void feed();
  void give(ProcessEvent event);
  void end(ProcessEvent event);
  [[nodiscard]] bool has_room();

  base::Loop& loop_;
  const ProcessConfig config_;
  const bool takes_input_;
  vm::FrameLink link_;
  base::Interest interest_;
  std::uint64_t credit_;
  base::Loop::TimerId limit_{};
  std::function<void()> on_end_;
  bool ended_ = false;

  std::mutex mutex_;
  std::condition_variable fed_;
  std::vector<std::weak_ptr<Subscription>> listeners_;
  std::string input_;  // that no credit has come for yet
  bool input_ends_ = false;
  bool input_end_sent_ = false;
  bool over_ = false;
};

}  // namespace fcvm::api
