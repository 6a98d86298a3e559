// Sandboxes: all that this server answers for. Owns their files and what is known of them in
// memory, a thread that watches their deadlines, and the work that a deadline begins.
//
// A sandbox is a VM named sandbox-ID, whose supervisor needs no server; see README.md. For any
// thread. What takes long is done under a lock of the sandbox's own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fcvm/result.hpp>

#include "core/api/auth/tokens.hpp"
#include "core/api/sandboxes/deadlines.hpp"
#include "core/api/sandboxes/fcvm_command.hpp"
#include "core/api/sandboxes/sandbox.hpp"
#include "core/api/sandboxes/sandbox_file.hpp"
#include "core/api/sandboxes/templates.hpp"
#include "core/base/io/file.hpp"
#include "core/base/loop/worker_pool.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::api {

/// What a client wants of a new one.
struct SandboxWish {
  std::string template_id;
  std::map<std::string, std::string> metadata{};
  std::map<std::string, std::string> environment{};
  std::int64_t timeout_s = 0;
  bool pauses_at_end = false;
  bool has_network = true;
  bool is_public = true;   // its ports, to whoever knows its id
  std::string snapshot{};  // that it is made of, whatever its template; of a fork
};

/// A snapshot that an owner has made of a sandbox.
struct SandboxSnapshot {
  std::string id;
  std::string name{};  // as its owner calls it; may be empty
  std::string sandbox{};
};

struct SandboxCounts {
  std::uint64_t created = 0;
  std::uint64_t failed = 0;  // to be created
  std::uint64_t expired = 0;
};

class Sandboxes {
 public:
  static constexpr std::int64_t kLongestTimeout_s = 30 * 86'400;

  struct Setup {
    const vm::Store& store;
    FcvmCommand fcvm;
    Templates templates;
    /// Called before a sandbox's machine goes, for what others have open in it.
    std::function<void(const std::string& id)> on_leaving{};
  };
  /// Takes up those that it finds. EBUSY where another server answers for them.
  [[nodiscard]] static Result<std::unique_ptr<Sandboxes>> open(Setup setup);
  Sandboxes(const Sandboxes&) = delete;
  Sandboxes& operator=(const Sandboxes&) = delete;
  /// They live on.
  ~Sandboxes();

  [[nodiscard]] const Templates& templates() const { return setup_.templates; }
  [[nodiscard]] const vm::Store& vms() const { return setup_.store; }

  /// EDQUOT when the owner has as many as it may.
  [[nodiscard]] Result<Sandbox> create(const Owner& owner, const SandboxWish& wish);
  /// ENOENT for one that is not there, was ended, or is another's.
  [[nodiscard]] Result<Sandbox> find(const Owner& owner, const std::string& id);
  /// Whoever it belongs to; for who has another credential of it.
  [[nodiscard]] Result<Sandbox> find(const std::string& id);
  /// The oldest first.
  [[nodiscard]] std::vector<Sandbox> list(const Owner& owner);
  [[nodiscard]] std::vector<Sandbox> list_all();

  [[nodiscard]] Result<void> kill(const Owner& owner, const std::string& id);
  /// EBUSY when it is paused already.
  [[nodiscard]] Result<void> pause(const Owner& owner, const std::string& id);
  struct Connected {
    Sandbox sandbox;
    bool was_paused = false;
  };
  /// Resumed, if it is paused. Its end is not moved closer.
  [[nodiscard]] Result<Connected> connect(const Owner& owner, const std::string& id,
                                          std::int64_t timeout_s);
  [[nodiscard]] Result<void> set_timeout(const Owner& owner, const std::string& id,
                                         std::int64_t timeout_s);
  /// A snapshot of one that runs and goes on; new ones can be made from it. Its id.
  [[nodiscard]] Result<std::string> save(const Owner& owner, const std::string& id,
                                         const std::string& name);

  /// The oldest first.
  [[nodiscard]] Result<std::vector<SandboxSnapshot>> snapshots(const Owner& owner) const;
  /// By id or name. What was made of it goes on.
  [[nodiscard]] Result<void> remove_snapshot(const Owner& owner, const std::string& which);
  /// So many that go on where one that runs is now; each may fail by itself.
  [[nodiscard]] Result<std::vector<Result<Sandbox>>> fork(const Owner& owner, const std::string& id,
                                                          std::int64_t timeout_s, unsigned count);

  [[nodiscard]] SandboxCounts counts() const;

 private:
  struct Entry {
    std::mutex busy;  // held over what changes its machine
    Sandbox sandbox;  // under mutex_
    bool gone = false;
  };
  using EntryPtr = std::shared_ptr<Entry>;

  Sandboxes(Setup setup, base::FileLock lock);

  Result<void> take_up();
  void end_strays();
  Result<EntryPtr> entry(const std::string& id);
  Result<EntryPtr> entry_of(const Owner& owner, const std::string& id);
  bool look_after(const EntryPtr& entry);
  [[nodiscard]] std::optional<std::string> paused_snapshot(const std::string& id) const;
  Sandbox copy(const EntryPtr& entry) const;

  Result<void> reserve(const Owner& owner);
  void unreserve(const Owner& owner);
  Result<std::string> start(const Owner& owner, const SandboxWish& wish, const std::string& id);
  Result<std::string> start_from_template(const Template& from, const SandboxWish& wish,
                                          const std::string& owner, const std::string& id);
  Result<std::string> start_from_snapshot(const std::string& snapshot, const std::string& id);
  Result<std::optional<std::string>> snapshot_of(const Owner& owner,
                                                 const std::string& which) const;

  Result<void> change(const EntryPtr& entry, const std::function<void(Sandbox&)>& change);
  Result<void> end(const EntryPtr& entry);
  Result<void> pause(const EntryPtr& entry);
  Result<void> resume(const EntryPtr& entry);
  void forget(const EntryPtr& entry);
  void watch_deadlines();
  void expire(const std::string& id);

  const Setup setup_;
  const SandboxFiles files_;
  const base::FileLock lock_;

  mutable std::mutex mutex_;
  std::map<std::string, EntryPtr> entries_;
  std::map<std::string, std::uint32_t> pending_;  // by owner: being created
  std::set<std::string> making_;                  // their ids
  Deadlines deadlines_;
  SandboxCounts counts_;
  std::condition_variable changed_;
  bool ending_ = false;

  std::mutex first_mutex_;
  /// By template: held by the first that is made of it, which may be the one that saves a snapshot.
  std::map<std::string, std::shared_ptr<std::mutex>> first_;
  std::set<std::string> begun_;  // templates of which one was made

  base::WorkerPool expiry_{4};
  std::thread watcher_;
};

}  // namespace fcvm::api
