#include "core/vm/store/store.hpp"

#include <algorithm>
#include <chrono>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/process/process_id.hpp"
#include "core/config/nearest.hpp"
#include "core/log/log.hpp"
#include "core/vm/model/id.hpp"
#include "core/vm/model/run_plan_json.hpp"
#include "core/vm/model/time_text.hpp"
#include "core/vm/store/gc.hpp"

namespace fcvm::vm {
namespace {

constexpr std::size_t kRecordLimit = 4 << 20;
constexpr std::size_t kPlanLimit = 16 << 20;
constexpr const char* kRecordFile = "vm.json";
constexpr const char* kRecordBefore = "vm.json.before";
// Whoever holds the lock reads records and makes directories: that takes no longer.
constexpr std::chrono::seconds kLockPatience{30};

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

Result<std::vector<std::string>> ids_in(int directory) {
  const int copy = ::fcntl(directory, F_DUPFD_CLOEXEC, 0);
  const std::unique_ptr<DIR, CloseDirectory> listing(copy < 0 ? nullptr : ::fdopendir(copy));
  if (listing == nullptr) return fail_errno("listing the VMs");
  std::vector<std::string> ids;
  while (const dirent* entry = ::readdir(listing.get())) {
    if (is_id(entry->d_name)) ids.emplace_back(entry->d_name);
  }
  return ids;
}

/// A process of another pid namespace cannot be looked at; its lock can. A VMM does not outlive its
/// supervisor.
void forget_dead_strangers(int vms, Record& record) {
  if (!record.supervisor.is_foreign()) return;
  const base::Fd lock(::openat(vms, (record.id + "/.supervised").c_str(), O_RDONLY | O_CLOEXEC));
  const bool held = lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (!held) record.supervisor = record.vmm = {};
}

Result<Record> read_record_file(int vms, const std::string& id, const char* file) {
  const base::Fd fd = FCVM_TRY(base::open_at(vms, id + "/" + file, O_RDONLY | O_NOFOLLOW));
  // Room for a usual record; read_all would begin with more, a thousand times.
  std::string text(4096, '\0');
  const std::size_t got = FCVM_TRY(base::read_some(fd.get(), text));
  const bool complete = got < text.size();
  text.resize(got);
  if (!complete) text += FCVM_TRY(base::read_all(fd.get(), kRecordLimit));
  Record record = FCVM_TRY(record_from_json(text));
  if (record.id != id) return fail(EPROTO, "it is the record of VM " + record.id);
  forget_dead_strangers(vms, record);
  return record;
}

/// A damaged record is as good as the one before it: what the VM holds on the host is in both.
Result<Record> read_record_at(int vms, const std::string& id) {
  auto record = read_record_file(vms, id, kRecordFile);
  if (record || (record.error().code() != EPROTO && record.error().code() != EFBIG)) return record;
  auto before = read_record_file(vms, id, kRecordBefore);
  if (before) {
    log::warning("vm", "the record of VM {} is damaged, and the one before it is used: {}", id,
                 record.error().message());
    return before;
  }
  return fail(EBADMSG, fmt::format("VM {}: {}", id, record.error().message()),
              "fcvm gc ends what is left of it, and sets its directory aside");
}

/// The next record replaces this one, and a link keeps it.
Result<void> keep_record(const Paths& paths, const std::string& id) {
  const std::string before = paths.vm(id) / kRecordBefore;
  if (::unlink(before.c_str()) != 0 && errno != ENOENT) return fail_errno("removing " + before);
  if (::link(paths.record(id).c_str(), before.c_str()) != 0 && errno != ENOENT) {
    return fail_errno("linking " + before);
  }
  return {};
}

/// Tries ids until one is free: its directory is then ours.
Result<std::string> make_vm_directory(const Paths& paths) {
  for (;;) {
    auto id = FCVM_TRY(random_id());
    if (::mkdir(paths.vm(id).c_str(), 0700) == 0) return id;
    if (errno != EEXIST) return fail_errno("making directory " + paths.vm(id).string());
  }
}

const Record* find_name(const std::vector<Record>& records, std::string_view name) {
  const auto at = std::find_if(records.begin(), records.end(),
                               [name](const Record& record) { return record.name == name; });
  return at == records.end() ? nullptr : &*at;
}

Result<std::string> fresh_name(const std::vector<Record>& records) {
  // Some four thousand names: the longer they are sought, the likelier all are taken.
  for (int tries = 0; tries < 1000; ++tries) {
    auto name = FCVM_TRY(random_name());
    if (tries > 20) name += fmt::format("-{}", records.size() + static_cast<std::size_t>(tries));
    if (find_name(records, name) == nullptr) return name;
  }
  return fail(EEXIST, "no free name was found for the VM", "give one with --name");
}

Result<void> refuse_taken_name(const std::vector<Record>& records, const std::string& name) {
  FCVM_TRY(check_name(name));
  const Record* other = find_name(records, name);
  if (other == nullptr) return {};
  return fail(EEXIST, fmt::format("the name {} is in use by VM {}", name, other->id),
              fmt::format("fcvm rm {}{}, or take another --name",
                          other->effective_phase() == Phase::kExited ? "" : "-f ", name));
}

Unexpected not_found(const std::vector<Record>& records, std::string_view wanted) {
  std::vector<std::string> names;
  for (const Record& record : records) names.push_back(record.name);
  return fail(ENOENT,
              fmt::format("there is no VM \"{}\"{}", wanted, config::did_you_mean(wanted, names)),
              "fcvm ls -a lists all VMs");
}

}  // namespace

Result<const Record*> find_record(const std::vector<Record>& records, std::string_view wanted) {
  const Record* by_prefix = nullptr;
  std::size_t matches = 0;
  for (const Record& record : records) {
    if (record.id == wanted) return &record;
    if (wanted.empty() || record.id.compare(0, wanted.size(), wanted) != 0) continue;
    by_prefix = &record;
    ++matches;
  }
  if (const Record* named = find_name(records, wanted)) return named;
  if (matches == 1) return by_prefix;
  if (matches == 0) return not_found(records, wanted);
  return fail(EINVAL, fmt::format("\"{}\" is the beginning of {} ids", wanted, matches),
              "write more digits of the id, or the name");
}

Result<Record> Store::create(Record record) {
  const auto vms = paths_.vms().string();
  FCVM_TRY(base::make_directories(paths_.data.string()));
  FCVM_TRY(base::make_directories(vms, 0700));
  FCVM_TRY(base::make_directories(paths_.runtime.string(), 0700));
  const auto lock = FCVM_TRY(lock_all());
  const auto others = FCVM_TRY(all());
  if (record.name.empty()) record.name = FCVM_TRY(fresh_name(others));
  FCVM_TRY(refuse_taken_name(others, record.name));
  if (record.supervisor.pid <= 0) record.supervisor = FCVM_TRY(base::identify(::getpid()));
  if (record.created_ns == 0) record.created_ns = now_ns();
  record.id = FCVM_TRY(make_vm_directory(paths_));
  const auto made = [&]() -> Result<void> {
    FCVM_TRY(base::make_directories(paths_.sockets(record.id).string(), 0700));
    return save(record);
  }();
  if (made) return record;
  (void)remove(record.id);  // the first failure tells more
  return unexpected(made.error());
}

Result<void> Store::save(const Record& record) const {
  const std::string json = to_json(record);
  // One that cannot be read back would leave a VM that nobody can end.
  if (json.size() > kRecordLimit) {
    return fail(
        E2BIG,
        fmt::format("the record of VM {} would have {:.1f} MiB, and the limit is {} MiB",
                    record.name, static_cast<double>(json.size()) / (1 << 20), kRecordLimit >> 20),
        "give the VM fewer or shorter labels and arguments");
  }
  FCVM_TRY(keep_record(paths_, record.id));
  return base::write_file_atomic(paths_.record(record.id).string(), json, 0600);
}

Result<void> Store::save_plan(const std::string& id, const RunPlan& plan) const {
  return base::write_file_atomic(paths_.plan(id).string(), plan_to_json(plan) + '\n', 0600);
}

Result<RunPlan> Store::load_plan(const std::string& id) const {
  const auto file = base::open_file(paths_.plan(id).string(), O_RDONLY | O_NOFOLLOW);
  if (!file && file.error().code() == ENOENT) {
    return fail(ENOENT, "what it is made of was not kept: an older fcvm has run it",
                "fcvm rm it, and fcvm run it again");
  }
  if (!file) return unexpected(file.error());
  return plan_from_json(FCVM_TRY(base::read_all(file->get(), kPlanLimit)));
}

Result<void> Store::save_image_config(const std::string& id, const std::string& json) const {
  return base::write_file_atomic(paths_.image_config(id).string(), json, 0600);
}

Result<std::string> Store::load_image_config(const std::string& id) const {
  const base::Fd file =
      FCVM_TRY(base::open_file(paths_.image_config(id).string(), O_RDONLY | O_NOFOLLOW));
  return base::read_all(file.get(), kPlanLimit);
}

Result<Record> Store::take_over(const std::string& id) const {
  const auto held = FCVM_TRY(lock(id, base::Deadline::in(kLockPatience)));
  Record record = FCVM_TRY(load(id));
  if (record.is_alive()) {
    return fail(EBUSY, fmt::format("VM {} is {} already", record.name,
                                   to_string(record.effective_phase())));
  }
  if (!record.plugin_state.empty()) {
    return fail(ENOTEMPTY,
                fmt::format("VM {} has left things on the host that are not undone", record.name),
                "fcvm gc undoes them, or says what is in the way");
  }
  record.supervisor = FCVM_TRY(base::identify(::getpid()));
  record.phase = Phase::kCreated;
  record.awaits_start = false;
  record.finished_ns = 0;
  record.exit_code = 0;
  record.restarts = 0;
  for (auto& gate : record.gates) gate.passed = false;
  record.health = {};
  record.error.clear();
  record.error_remedy.clear();
  record.ports.clear();
  record.guest_addresses.clear();
  record.gateways.clear();
  record.network_error.clear();
  record.awaits_room = false;
  FCVM_TRY(base::make_directories(paths_.runtime.string(), 0700));
  FCVM_TRY(base::make_directories(paths_.sockets(id).string(), 0700));
  FCVM_TRY(save(record));
  return record;
}

Result<void> Store::check_free_name(const std::string& id, const std::string& name) const {
  auto others = FCVM_TRY(all());
  std::erase_if(others, [&](const Record& record) { return record.id == id; });
  return refuse_taken_name(others, name);
}

Result<std::vector<Record>> Store::all() const {
  std::vector<Record> records;
  const auto vms = base::open_file(paths_.vms().string(), O_RDONLY | O_DIRECTORY);
  if (!vms && vms.error().code() == ENOENT) return records;
  if (!vms) return unexpected(vms.error());
  const auto ids = FCVM_TRY(ids_in(vms->get()));
  records.reserve(ids.size());
  for (const auto& id : ids) {
    auto record = read_record_at(vms->get(), id);
    if (record) {
      records.push_back(*std::move(record));
    } else if (record.error().code() != ENOENT) {  // that one is being made, or removed
      log::warning("vm", "skipping {}", record.error().message());
      if (!record.error().remedy().empty()) log::warning("vm", "{}", record.error().remedy());
    }
  }
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) {
    return std::tie(a.created_ns, a.id) < std::tie(b.created_ns, b.id);
  });
  return records;
}

Result<std::vector<std::string>> Store::damaged() const {
  const auto vms = base::open_file(paths_.vms().string(), O_RDONLY | O_DIRECTORY);
  if (!vms && vms.error().code() == ENOENT) return std::vector<std::string>();
  if (!vms) return unexpected(vms.error());
  std::vector<std::string> found;
  for (auto& id : FCVM_TRY(ids_in(vms->get()))) {
    const auto record = read_record_at(vms->get(), id);
    if (!record && record.error().code() == EBADMSG) found.push_back(std::move(id));
  }
  return found;
}

Result<std::filesystem::path> Store::set_aside(const std::string& id) const {
  FCVM_TRY(base::remove_tree(paths_.sockets(id).string()));
  const auto aside = paths_.vms() / (std::string(kDamagedPrefix) + id);
  if (::rename(paths_.vm(id).c_str(), aside.c_str()) != 0) {
    return fail_errno("setting " + paths_.vm(id).string() + " aside");
  }
  return aside;
}

Result<base::FileLock> Store::lock_all() const {
  return base::FileLock::acquire((paths_.vms() / ".lock").string(),
                                 base::Deadline::in(kLockPatience));
}

Result<Record> Store::find(std::string_view name_or_id) const {
  if (is_id(name_or_id)) {
    auto record = load(std::string(name_or_id));
    if (record || record.error().code() != ENOENT) return record;
  }
  const auto records = FCVM_TRY(all());
  return *FCVM_TRY(find_record(records, name_or_id));
}

Result<Record> Store::load(const std::string& id) const {
  if (!is_id(id)) return fail(ENOENT, "\"" + id + "\" is not an id of a VM");
  const auto vms = base::open_file(paths_.vms().string(), O_RDONLY | O_DIRECTORY);
  if (!vms) return unexpected(vms.error());
  return read_record_at(vms->get(), id) | context("VM " + id);
}

Result<void> Store::remove(const std::string& id) const {
  if (!is_id(id)) return fail(EINVAL, "\"" + id + "\" is not an id of a VM");
  FCVM_TRY(base::remove_tree(paths_.sockets(id).string()));
  // Renamed first: readers see a whole VM or none, and what a kill leaves is known for what it is.
  const auto doomed = paths_.vms() / (std::string(kRemovedPrefix) + id);
  if (::rename(paths_.vm(id).c_str(), doomed.c_str()) != 0 && errno != ENOENT) {
    return fail_errno("removing " + paths_.vm(id).string());
  }
  return base::remove_tree(doomed.string());
}

Result<base::FileLock> Store::supervise(const std::string& id) const {
  // Who looks whether it is held has it for a moment.
  return base::FileLock::acquire(paths_.supervisor_lock(id).string(),
                                 base::Deadline::in(std::chrono::seconds(10)));
}

Result<void> Store::wait_for_supervisor(const Record& record, base::Deadline deadline) const {
  if (!record.supervisor.is_foreign()) return base::wait_for_end(record.supervisor, deadline);
  const auto free = base::FileLock::acquire(paths_.supervisor_lock(record.id).string(), deadline,
                                            base::FileLock::Mode::kShared);
  if (free || free.error().code() == ENOENT) return {};
  return fail(free.error().code(), "waiting for the supervisor of VM " + record.name +
                                       ", which runs in another pid namespace");
}

Result<base::FileLock> Store::lock(const std::string& id, base::Deadline deadline) const {
  return base::FileLock::acquire(paths_.vm_lock(id).string(), deadline);
}

}  // namespace fcvm::vm
