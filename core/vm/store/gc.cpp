#include "core/vm/store/gc.hpp"

#include <chrono>
#include <csignal>
#include <fcntl.h>

#include <fmt/core.h>

#include "core/base/io/disk_usage.hpp"
#include "core/base/io/unix_socket.hpp"
#include "core/base/process/process_id.hpp"
#include "core/log/log.hpp"
#include "core/vm/host/cgroup.hpp"
#include "core/vm/logs/event_log.hpp"
#include "core/vm/model/id.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::vm {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMinuteNs = 60'000'000'000;
constexpr std::chrono::seconds kVmmLimit{10};
constexpr int kKilled = 128 + SIGKILL;

void log_end(const Store& store, const Record& record, const char* type) {
  const auto logged = log_event(store.paths().events(),
                                {.time_ns = now_ns(),
                                 .type = type,
                                 .id = record.id,
                                 .name = record.name,
                                 .image = record.image,
                                 .attributes = {{"exitCode", std::to_string(record.exit_code)}}});
  if (!logged) log::warning("gc", "{}", logged.error().message());
}

/// One dead VM, under its lock.
class Collection {
 public:
  Collection(Store& store, const RecoverPlugin& recover, Record record)
      : store_(store), recover_(recover), record_(std::move(record)) {}

  Result<Collected> run() {
    FCVM_TRY(end_vmm());
    if (auto removed = remove_cgroup(record_.cgroup); !removed) {
      log::warning("gc", "VM {}: {}", record_.name, removed.error().message());
    }
    record_.cgroup.clear();
    undo_plugins();
    FCVM_TRY(base::remove_tree(store_.paths().sockets(record_.id).string()));
    const bool was_exited = record_.phase == Phase::kExited;
    if (!was_exited) {
      mark_exited();
      log_end(store_, record_, "die");
    }
    // What a plugin still has to undo is known from the record alone.
    if (record_.remove_when_done && record_.plugin_state.empty()) return remove();
    FCVM_TRY(store_.save(record_));
    if (!was_exited) return collected("marked as exited: its supervisor was killed");
    return collected(record_.plugin_state.empty() ? "undone: what its plugins had left"
                                                  : "not undone yet: what its plugins had left");
  }

 private:
  /// First of all: a living VMM uses what is removed next.
  Result<void> end_vmm() {
    auto killed = base::signal_process(record_.vmm, SIGKILL);
    if (!killed && killed.error().code() == ESRCH) return {};
    FCVM_TRY(std::move(killed));
    return base::wait_for_end(record_.vmm, base::Deadline::in(kVmmLimit));
  }

  void undo_plugins() {
    for (auto at = record_.plugin_state.begin(); at != record_.plugin_state.end();) {
      const auto done =
          at->second.empty() || !recover_ ? Result<void>() : recover_(record_, at->first);
      if (done && (recover_ || at->second.empty())) {
        at = record_.plugin_state.erase(at);
        continue;
      }
      if (!done) log::warning("gc", "VM {}: {}", record_.name, done.error().message());
      ++at;
    }
  }

  void mark_exited() {
    record_.phase = Phase::kExited;
    record_.finished_ns = now_ns();
    record_.exit_code = kKilled;
    record_.error = "its supervisor was killed";
    record_.error_remedy = "fcvm logs " + record_.name + " shows what it wrote until then";
  }

  Result<Collected> remove() {
    FCVM_TRY(store_.remove(record_.id));
    log_end(store_, record_, "remove");
    return collected("removed");
  }

  [[nodiscard]] Collected collected(std::string what) const {
    return {record_.id, record_.name, std::move(what)};
  }

  Store& store_;
  const RecoverPlugin& recover_;
  Record record_;
};

bool wants_collection(const Record& record, const GarbageOptions& options) {
  if (is_garbage(record)) return true;
  return options.thorough && record.phase == Phase::kExited && !record.plugin_state.empty() &&
         !record.supervisor.alive();
}

std::string disk_text(const fs::path& directory) {
  return fmt::format("{}, {} KiB on disk", directory.string(),
                     base::bytes_on_disk(directory) >> 10);
}

/// As run() of a Collection would find it.
std::vector<std::string> what_goes(const Store& store, const Record& record) {
  std::vector<std::string> goes;
  std::error_code error;
  if (record.vmm.alive()) goes.push_back(fmt::format("process {}, its VMM", record.vmm.pid));
  if (!record.cgroup.empty() && fs::exists(record.cgroup, error)) {
    goes.push_back("cgroup " + record.cgroup);
  }
  for (auto& left : left_by_plugins(record)) goes.push_back(std::move(left));
  const auto sockets = store.paths().sockets(record.id);
  if (fs::exists(sockets, error)) goes.push_back("sockets " + sockets.string());
  if (record.remove_when_done) goes.push_back(disk_text(store.paths().vm(record.id)));
  return goes;
}

/// Nothing when another command is at it, or when nothing is left to do under the lock.
Result<std::vector<Collected>> collect_one(Store& store, const RecoverPlugin& recover,
                                           const Record& seen, const GarbageOptions& options) {
  if (options.dry_run) {
    const char* what = seen.remove_when_done          ? "would be removed"
                       : seen.phase == Phase::kExited ? "would be undone: what its plugins had left"
                                                      : "would be marked as exited";
    return std::vector<Collected>{{seen.id, seen.name, what, what_goes(store, seen)}};
  }
  const auto lock = store.lock(seen.id, base::Deadline::in(std::chrono::seconds(0)));
  if (!lock) {
    const int code = lock.error().code();
    if (code == ETIMEDOUT || code == ENOENT) return std::vector<Collected>();
    return unexpected(lock.error());
  }
  auto record = store.load(seen.id);
  if (!record && record.error().code() == ENOENT) return std::vector<Collected>();
  if (!record) return unexpected(record.error());
  if (!wants_collection(*record, options)) return std::vector<Collected>();
  return std::vector<Collected>{FCVM_TRY(Collection(store, recover, *std::move(record)).run())};
}

/// A directory that a killed create or remove left: an id without a record, or a removed VM.
std::string abandoned_id(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  if (name.starts_with(kRemovedPrefix)) {
    const auto id = name.substr(kRemovedPrefix.size());
    return is_id(id) ? id : "";
  }
  std::error_code error;
  const bool has_record = fs::exists(entry.path() / "vm.json", error);
  return is_id(name) && !has_record && !error ? name : "";
}

/// Under the lock of who adds VMs, so that none of these is just being made.
void collect_abandoned(Store& store, bool dry_run, std::vector<Collected>& collected) {
  std::error_code error;
  if (!fs::exists(store.paths().vms(), error)) return;
  const auto lock = store.lock_all();
  if (!lock) return log::warning("gc", "{}", lock.error().message());
  for (const auto& entry : fs::directory_iterator(store.paths().vms(), error)) {
    const auto id = abandoned_id(entry);
    if (id.empty()) continue;
    const auto removed = dry_run ? Result<void>() : store.remove(id);
    if (!removed) {
      log::warning("gc", "{}", removed.error().message());
      continue;
    }
    Collected one{id, "", "removed"};
    if (dry_run) one = {id, "", "would be removed", {disk_text(entry.path())}};
    collected.push_back(std::move(one));
  }
}

/// Whether somebody still answers on the VM's control socket.
bool is_served(const Store& store, const std::string& id) {
  const auto directory = base::open_file(store.paths().sockets(id).string(), O_PATH | O_DIRECTORY);
  return directory && base::connect_unix_at(directory->get(), Paths::kControlSocket);
}

/// A VM of which no record can be read: its processes are known by their cgroup's name, and its
/// directory is kept. A supervisor that lives writes its record again, and is left alone.
Result<std::vector<Collected>> collect_damaged(Store& store, const std::string& id, bool dry_run) {
  if (is_served(store, id)) {
    return fail(EBUSY, fmt::format("the record of VM {} is damaged, and its supervisor lives", id),
                "it writes the record anew at the VM's next change");
  }
  if (dry_run) return std::vector<Collected>{{id, "", "would be set aside: its record is damaged"}};
  FCVM_TRY(remove_cgroup(find_cgroup(id)));
  const auto aside = FCVM_TRY(store.set_aside(id));
  return std::vector<Collected>{
      {id, "", "set aside, since its record is damaged: " + aside.string()}};
}

}  // namespace

std::vector<std::string> left_by_plugins(const Record& record) {
  std::vector<std::string> lines;
  for (const auto& [plugin, state] : record.plugin_state) {
    std::string line = plugin + ":";
    for (const auto& [key, value] : state) line += fmt::format(" {}={}", key, value);
    lines.push_back(std::move(line));
  }
  return lines;
}

bool is_garbage(const Record& record) {
  if (record.phase == Phase::kExited) {
    // Killed between its last word and its removal. With plugins' state it waits for `fcvm gc`.
    return record.remove_when_done && record.plugin_state.empty() && !record.supervisor.alive();
  }
  if (record.awaits_start) return false;
  // Of a record without any supervisor, one may just be starting.
  if (record.supervisor.pid <= 0) return now_ns() - record.created_ns > kMinuteNs;
  return !record.supervisor.alive();
}

Result<std::vector<Collected>> collect_garbage(Store& store, const RecoverPlugin& recover,
                                               const GarbageOptions& options) {
  std::vector<Collected> collected;
  for (const Record& record : FCVM_TRY(store.all())) {
    if (!wants_collection(record, options)) continue;
    auto one = collect_one(store, recover, record, options);
    if (one) {
      collected.insert(collected.end(), one->begin(), one->end());
    } else {
      log::warning("gc", "VM {} could not be cleaned up: {}", record.name, one.error().message());
    }
  }
  if (!options.thorough) return collected;
  for (const auto& id : FCVM_TRY(store.damaged())) {
    auto one = collect_damaged(store, id, options.dry_run);
    if (!one) {
      log::warning("gc", "{}", one.error().message());
      continue;
    }
    collected.insert(collected.end(), one->begin(), one->end());
  }
  collect_abandoned(store, options.dry_run, collected);
  if (options.dry_run) return collected;
  if (auto swept = sweep_events(store.paths().events()); !swept) {
    log::warning("gc", "{}", swept.error().message());
  }
  return collected;
}

Result<void> collect_garbage_of(Store& store, const RecoverPlugin& recover, const Record& record) {
  auto done = collect_one(store, recover, record, {.thorough = true});
  return done ? Result<void>() : unexpected(std::move(done).error());
}

}  // namespace fcvm::vm
