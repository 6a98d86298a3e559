// Processes: the commands that clients have started in sandboxes. Owns the stream of each to its
// guest, and what of its output is on its way to a client.
//
// A command belongs to the server, not to the connection that started it: a client may leave and
// connect to it again. What a command writes while nobody listens is dropped, as envd does it. The
// loop's thread has all streams; the methods are for any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/deadline.hpp"
#include "core/base/loop/loop.hpp"
#include "core/vm/store/store.hpp"
#include "core/wire/exec.hpp"

namespace fcvm::api {

/// As the client described it.
struct ProcessConfig {
  std::string command;
  std::vector<std::string> arguments{};
  std::map<std::string, std::string> environment{};
  std::string directory{};
  std::string tag{};
  bool tty = false;
};

struct ProcessEvent {
  enum class Kind { kStdout, kStderr, kEnd };
  Kind kind = Kind::kEnd;
  std::string bytes{};             // of output
  int code = 0;                    // of an end
  int signal = 0;                  // that ended it; 0: none
  std::optional<Error> failure{};  // it never ran, or nobody knows how it ended
};

/// The events of one process, for one client that listens from now on.
class Subscription {
 public:
  Subscription() = default;
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  /// What waited for this one alone goes on.
  ~Subscription() {
    if (on_room_) on_room_();
  }

  /// Nothing at the deadline. After an end there is no more.
  [[nodiscard]] std::optional<ProcessEvent> next(base::Deadline deadline);

  /// For the process: whether it may be given more.
  [[nodiscard]] bool has_room() const;
  void give(const ProcessEvent& event);
  /// Called, in the client's thread, when there is room again, or nobody who needs any.
  void on_room(std::function<void()> call) { on_room_ = std::move(call); }

 private:
  static constexpr std::size_t kMostWaiting = 1 << 20;

  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::deque<ProcessEvent> events_;
  std::size_t waiting_ = 0;  // bytes of output among them
  std::function<void()> on_room_;
};

class Process;

class Processes {
 public:
  Processes(base::Loop& loop, const vm::Store& store) : loop_(loop), store_(store) {}
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;
  ~Processes();

  struct Started {
    std::uint32_t pid = 0;  // a number of ours: the guest's are the guest's own
    std::shared_ptr<Subscription> events{};
  };
  /// It runs. After `limit` it is killed. EDQUOT when the sandbox has too many.
  [[nodiscard]] Result<Started> start(const std::string& sandbox, const std::string& vm,
                                      const ProcessConfig& config, wire::ExecRequest request,
                                      base::Deadline limit);

  /// By pid, or by tag where that is 0. ENOENT for one that is not there, or has ended.
  struct Selector {
    std::uint32_t pid = 0;
    std::string tag{};
  };
  [[nodiscard]] Result<Started> listen(const std::string& sandbox, const Selector& which);
  struct Listed {
    std::uint32_t pid = 0;
    ProcessConfig config{};
  };
  [[nodiscard]] std::vector<Listed> list(const std::string& sandbox) const;

  /// Waits while the command takes nothing; EAGAIN when it does so for too long.
  Result<void> send_input(const std::string& sandbox, const Selector& which,
                          std::string_view input);
  Result<void> close_input(const std::string& sandbox, const Selector& which);
  Result<void> signal(const std::string& sandbox, const Selector& which, int number);
  Result<void> resize(const std::string& sandbox, const Selector& which, wire::Resize size);

  /// Lets go of the commands of a sandbox, or of all: they go on, and nobody hears of them.
  void leave(const std::string& sandbox);
  void leave_all();

  [[nodiscard]] std::size_t count() const;

 private:
  using ProcessPtr = std::shared_ptr<Process>;
  using Key = std::pair<std::string, std::uint32_t>;  // sandbox, pid

  Result<ProcessPtr> find(const std::string& sandbox, const Selector& which) const;
  void forget(const Key& key);

  base::Loop& loop_;
  const vm::Store& store_;
  mutable std::mutex mutex_;
  std::uint32_t last_pid_ = 1000;
  std::map<Key, ProcessPtr> processes_;
};

}  // namespace fcvm::api
