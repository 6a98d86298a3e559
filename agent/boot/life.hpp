// Life: the guest from its boot plan to its end, in stages; each is an event, and so is its
// failure.
//
// Owns the container's process and the order of things. What a stage does to the machine is in
// System, which tests replace.
#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/boot/system.hpp"
#include "agent/container/container.hpp"
#include "agent/container/exec_target.hpp"
#include "agent/container/health_watch.hpp"
#include "agent/loop.hpp"
#include "agent/maps/maps.hpp"
#include "agent/process/process.hpp"
#include "agent/session/control_service.hpp"
#include "agent/session/event_log.hpp"
#include "agent/session/output_service.hpp"
#include "core/wire/exec.hpp"

namespace fcvm::agent {

class Life : public Guest {
 public:
  Life(Loop& loop, System& system, EventLog& events, OutputService& output, Maps& maps);

  Result<void> boot(wire::BootPlan plan) override;
  Result<void> signal_container(int signal) override;
  Result<void> stop_container(int signal, std::uint32_t grace_ms) override;
  Result<void> restart_container(int signal, std::uint32_t grace_ms) override;
  Result<void> release_container() override;
  Result<void> quiesce() override;
  Result<void> freeze() override;
  Result<void> resumed(const wire::Resumed& news) override;
  Result<void> power_off(std::uint32_t grace_ms) override;

  /// How to run what exec asks for.
  Result<ExecPlan> resolve(const wire::ExecRequest& request);

 private:
  void prepare(std::size_t stage);
  void mount_maps();
  void load_image();
  void start_container();
  [[nodiscard]] ProcessOptions stream_options() const;
  void start_by_podman(const Error& why);
  void take_streams(Process& process);
  void on_started(pid_t pid);
  void on_container_end(ChildEnd end);
  Result<void> ask_whether_it_began(ChildEnd end);
  void report_end(ChildEnd end);
  void start_again();
  void fail_stage(const std::string& stage, const Error& why);
  void end_guest();

  Loop& loop_;
  System& system_;
  EventLog& events_;
  OutputService& output_;
  Maps& maps_;
  std::optional<wire::BootPlan> plan_;
  std::unique_ptr<Container> container_;
  std::optional<HealthWatch> health_;
  ExecContainer exec_container_;  // read once: its configuration is the same for its whole life
  std::uint64_t oom_kills_ = 0;
  std::time_t started_at_ = 0;  // when it was last told to start
  bool starts_again_ = false;   // once it has ended
  bool powering_off_ = false;
};

}  // namespace fcvm::agent
