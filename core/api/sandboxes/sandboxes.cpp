// See sandboxes.hpp.
#include "core/api/sandboxes/sandboxes.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <sys/random.h>
#include <utility>

#include <fmt/core.h>

#include "core/log/log.hpp"
#include "core/snapshot/store.hpp"

namespace fcvm::api {
namespace {

using namespace std::chrono_literals;

/// A first start may fetch an image and prepare it.
constexpr auto kStartLimit = 30min;
constexpr auto kEndLimit = 2min;
constexpr auto kSaveLimit = 10min;
constexpr auto kBetweenLooksForStrays = 60s;

constexpr const char* kOwnerLabel = "fcvm.sandbox.owner";
constexpr const char* kTemplateLabel = "fcvm.sandbox.template";
constexpr const char* kNameLabel = "fcvm.sandbox.name";

std::int64_t now_s() { return static_cast<std::int64_t>(std::time(nullptr)); }

std::string vm_name(const std::string& id) { return "sandbox-" + id; }

/// 100 bits of letters and digits: whoever knows it was told.
Result<std::string> random_sandbox_id() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
  unsigned char random[20];
  if (::getrandom(random, sizeof random, 0) != sizeof random) {
    return fail_errno("asking the kernel for random bytes");
  }
  std::string id;
  for (const unsigned char byte : random) id += kLetters[byte % kLetters.size()];
  return id;
}

Unexpected no_such(const std::string& id) {
  return fail(ENOENT, fmt::format("there is no sandbox {}", is_sandbox_id(id) ? id : "of that id"));
}

Result<std::int64_t> end_time(std::int64_t timeout_s) {
  if (timeout_s >= 0 && timeout_s <= Sandboxes::kLongestTimeout_s) return now_s() + timeout_s;
  return fail(EINVAL, fmt::format("a timeout has 0 to {} seconds", Sandboxes::kLongestTimeout_s));
}

std::vector<Sandbox> by_age(std::vector<Sandbox> sandboxes) {
  std::sort(sandboxes.begin(), sandboxes.end(), [](const Sandbox& a, const Sandbox& b) {
    return std::tie(a.started_s, a.id) < std::tie(b.started_s, b.id);
  });
  return sandboxes;
}

}  // namespace

Sandboxes::Sandboxes(Setup setup, base::FileLock lock)
    : setup_(std::move(setup)), files_(setup_.store.paths().sandboxes()), lock_(std::move(lock)) {}

Result<std::unique_ptr<Sandboxes>> Sandboxes::open(Setup setup) {
  const auto directory = setup.store.paths().sandboxes();
  FCVM_TRY(base::make_directories(directory, 0700));
  auto lock = base::FileLock::acquire(directory / ".lock", base::Deadline::in(0s));
  if (!lock && lock.error().code() == ETIMEDOUT) {
    return fail(EBUSY, "another fcvm serve answers for the sandboxes in " + directory.string(),
                "FCVM_DATA_DIR=DIR gives this one others");
  }
  if (!lock) return unexpected(lock.error());
  auto sandboxes = std::unique_ptr<Sandboxes>(new Sandboxes(std::move(setup), *std::move(lock)));
  FCVM_TRY(sandboxes->take_up());
  sandboxes->watcher_ = std::thread([all = sandboxes.get()] { all->watch_deadlines(); });
  return sandboxes;
}

Sandboxes::~Sandboxes() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  if (watcher_.joinable()) watcher_.join();
  expiry_.drop_waiting();
  expiry_.join();
}

/// The id of what the sandbox was saved to when it was paused, if it was.
std::optional<std::string> Sandboxes::paused_snapshot(const std::string& id) const {
  const snapshot::Store store(setup_.store.paths().snapshots());
  const auto all = store.all();
  if (!all) return std::nullopt;
  for (const auto& one : *all) {
    if (one.manifest.tag == vm_name(id)) return one.manifest.id;
  }
  return std::nullopt;
}

/// What a server before this one has left. One that was killed while it made, paused or resumed a
/// sandbox has a file that says what was before; what there is counts.
Result<void> Sandboxes::take_up() {
  std::map<std::string, vm::Record> vms;  // by name
  for (auto& record : FCVM_TRY(setup_.store.all())) {
    if (record.is_alive()) vms[record.name] = std::move(record);
  }
  for (auto& sandbox : FCVM_TRY(files_.all())) {
    const auto found = vms.find(vm_name(sandbox.id));
    const auto snapshot = paused_snapshot(sandbox.id);
    // Where there are both, it was being resumed; its snapshot goes with the next pause, or its
    // end.
    if (found != vms.end()) {
      sandbox.state = SandboxState::kRunning;
      sandbox.vm = found->second.id;
      sandbox.cpus = found->second.cpus;
      sandbox.memory_bytes = found->second.memory_bytes;
    } else if (snapshot) {
      sandbox.state = SandboxState::kPaused;
      sandbox.vm.clear();
    } else {
      FCVM_TRY(files_.remove(sandbox.id));
      continue;
    }
    sandbox.snapshot = snapshot.value_or("");
    FCVM_TRY(files_.save(sandbox));
    auto entry = std::make_shared<Entry>();
    if (sandbox.state == SandboxState::kRunning) deadlines_.set(sandbox.id, sandbox.ends_s);
    entry->sandbox = std::move(sandbox);
    entries_.emplace(entry->sandbox.id, entry);
  }
  if (!entries_.empty()) log::info("serve", "took up {} sandboxes", entries_.size());
  return {};
}

/// A server that was killed while it made a sandbox may have left a verb at work, whose VM comes
/// later, and nobody knows its id.
void Sandboxes::end_strays() {
  const auto records = setup_.store.all();
  if (!records) return log::warning("serve", "{}", records.error().message());
  const auto prefix = vm_name("");
  for (const auto& record : *records) {
    const bool is_ours = record.name.starts_with(prefix) && record.labels.count(kOwnerLabel) != 0;
    if (!is_ours || !record.is_up()) continue;
    const auto id = record.name.substr(prefix.size());
    {
      const std::lock_guard lock(mutex_);
      if (entries_.count(id) != 0 || making_.count(id) != 0) continue;
    }
    log::warning("serve", "VM {} is no sandbox's any more, and is ended", record.name);
    const auto ended = setup_.fcvm.run({"rm", "--force", record.id}, base::Deadline::in(kEndLimit));
    if (!ended) log::warning("serve", "{}", ended.error().message());
  }
}

Sandbox Sandboxes::copy(const EntryPtr& entry) const {
  const std::lock_guard lock(mutex_);
  return entry->sandbox;
}

Result<Sandboxes::EntryPtr> Sandboxes::entry(const std::string& id) {
  EntryPtr found;
  {
    const std::lock_guard lock(mutex_);
    const auto known = entries_.find(id);
    if (known == entries_.end()) return no_such(id);
    found = known->second;
  }
  if (!look_after(found)) return no_such(id);
  return found;
}

Result<Sandboxes::EntryPtr> Sandboxes::entry_of(const Owner& owner, const std::string& id) {
  auto found = FCVM_TRY(entry(id));
  if (copy(found).owner != owner.name) return no_such(id);
  return found;
}

/// False for one whose VM has ended by itself, of which nothing is left then.
bool Sandboxes::look_after(const EntryPtr& entry) {
  const std::unique_lock busy(entry->busy, std::try_to_lock);
  if (!busy) return true;
  const Sandbox now = copy(entry);
  if (entry->gone) return false;
  if (now.state == SandboxState::kPaused) return true;
  const auto record = setup_.store.load(now.vm);
  if (record && record->is_alive()) return true;
  if (!record && record.error().code() != ENOENT) return true;
  // A pause that outlived the server which had begun it.
  if (const auto snapshot = paused_snapshot(now.id)) {
    const auto paused = change(entry, [&](Sandbox& changed) {
      changed.state = SandboxState::kPaused;
      changed.snapshot = *snapshot;
      changed.vm.clear();
    });
    // Where the disk is full, what was saved is still there.
    if (!paused) log::warning("serve", "{}", paused.error().message());
    return true;
  }
  log::info("serve", "sandbox {} has ended", now.id);
  forget(entry);
  return false;
}

void Sandboxes::forget(const EntryPtr& entry) {
  const auto id = copy(entry).id;
  if (const auto removed = files_.remove(id); !removed) {
    log::warning("serve", "{}", removed.error().message());
  }
  const std::lock_guard lock(mutex_);
  entry->gone = true;
  deadlines_.remove(id);
  entries_.erase(id);
}

Result<Sandbox> Sandboxes::find(const Owner& owner, const std::string& id) {
  return copy(FCVM_TRY(entry_of(owner, id)));
}

Result<Sandbox> Sandboxes::find(const std::string& id) { return copy(FCVM_TRY(entry(id))); }

std::vector<Sandbox> Sandboxes::list(const Owner& owner) {
  auto all = list_all();
  std::erase_if(all, [&](const Sandbox& sandbox) { return sandbox.owner != owner.name; });
  return all;
}

std::vector<Sandbox> Sandboxes::list_all() {
  std::vector<EntryPtr> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : entries_) all.push_back(entry);
  }
  std::vector<Sandbox> sandboxes;
  for (const auto& entry : all) {
    if (look_after(entry)) sandboxes.push_back(copy(entry));
  }
  return by_age(std::move(sandboxes));
}

SandboxCounts Sandboxes::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

// --- making one ---

Result<void> Sandboxes::reserve(const Owner& owner) {
  const std::lock_guard lock(mutex_);
  std::uint32_t has = pending_[owner.name];
  for (const auto& [id, entry] : entries_) has += entry->sandbox.owner == owner.name ? 1 : 0;
  if (owner.max_sandboxes != 0 && has >= owner.max_sandboxes) {
    return fail(EDQUOT, fmt::format("{} has {} sandboxes already, as many as it may", owner.name,
                                    owner.max_sandboxes));
  }
  ++pending_[owner.name];
  return {};
}

void Sandboxes::unreserve(const Owner& owner) {
  const std::lock_guard lock(mutex_);
  --pending_[owner.name];
}

Result<Sandbox> Sandboxes::create(const Owner& owner, const SandboxWish& wish) {
  FCVM_TRY(end_time(wish.timeout_s));
  FCVM_TRY(reserve(owner));
  std::string made_id;
  auto made = [&]() -> Result<Sandbox> {
    auto entry = std::make_shared<Entry>();
    Sandbox& sandbox = entry->sandbox;
    sandbox.id = FCVM_TRY(random_sandbox_id());
    sandbox.template_id = wish.template_id;
    sandbox.owner = owner.name;
    sandbox.metadata = wish.metadata;
    sandbox.environment = wish.environment;
    sandbox.access_token = FCVM_TRY(random_secret(24));
    if (!wish.is_public) sandbox.traffic_token = FCVM_TRY(random_secret(24));
    sandbox.pauses_at_end = wish.pauses_at_end;
    sandbox.started_s = now_s();
    sandbox.ends_s = FCVM_TRY(end_time(wish.timeout_s));
    // Before the VM, so that a server that is killed in between leaves none that nobody knows.
    FCVM_TRY(files_.save(sandbox));
    {
      const std::lock_guard lock(mutex_);
      making_.insert(made_id = sandbox.id);
    }
    const auto vm = start(owner, wish, sandbox.id);
    const auto record = vm ? setup_.store.load(*vm) : unexpected(vm.error());
    if (!record) {
      FCVM_TRY(files_.remove(sandbox.id));
      return unexpected(record.error());
    }
    sandbox.vm = record->id;
    sandbox.cpus = record->cpus;
    sandbox.memory_bytes = record->memory_bytes;
    sandbox.started_s = now_s();
    sandbox.ends_s = sandbox.started_s + wish.timeout_s;
    FCVM_TRY(files_.save(sandbox));
    const std::lock_guard lock(mutex_);
    entries_.emplace(sandbox.id, entry);
    deadlines_.set(sandbox.id, sandbox.ends_s);
    changed_.notify_all();
    return sandbox;
  }();
  unreserve(owner);
  const std::lock_guard lock(mutex_);
  making_.erase(made_id);
  ++(made ? counts_.created : counts_.failed);
  return made;
}

Result<std::string> Sandboxes::start(const Owner& owner, const SandboxWish& wish,
                                     const std::string& id) {
  if (!wish.snapshot.empty()) return start_from_snapshot(wish.snapshot, id);
  if (const auto snapshot = FCVM_TRY(snapshot_of(owner, wish.template_id))) {
    if (!wish.has_network) {
      return fail(ENOTSUP, "a sandbox of a snapshot has the network that it had");
    }
    return start_from_snapshot(*snapshot, id);
  }
  const auto from = FCVM_TRY(setup_.templates.find(wish.template_id));
  std::shared_ptr<std::mutex> first;
  {
    const std::lock_guard lock(first_mutex_);
    if (begun_.count(from.name) == 0) {
      auto& known = first_[from.name];
      if (!known) known = std::make_shared<std::mutex>();
      first = known;
    }
  }
  std::unique_lock<std::mutex> turn;
  if (first) turn = std::unique_lock(*first);
  auto vm = start_from_template(from, wish, owner.name, id);
  if (vm) {
    const std::lock_guard lock(first_mutex_);
    begun_.insert(from.name);
    first_.erase(from.name);
  }
  return vm;
}

Result<std::string> Sandboxes::start_from_template(const Template& from, const SandboxWish& wish,
                                                   const std::string& owner,
                                                   const std::string& id) {
  std::vector<std::string> options = {"--detach",
                                      "--rm",
                                      "--quiet",
                                      "--name",
                                      vm_name(id),
                                      "--label",
                                      fmt::format("{}={}", kOwnerLabel, owner),
                                      "--label",
                                      fmt::format("{}={}", kTemplateLabel, from.name)};
  if (!wish.has_network) options.insert(options.end(), {"--network", "none"});
  return setup_.fcvm.run(from.run_words(options), base::Deadline::in(kStartLimit),
                         FcvmCommand::WithServer::kEnds);
}

Result<std::string> Sandboxes::start_from_snapshot(const std::string& snapshot,
                                                   const std::string& id) {
  return setup_.fcvm.run({"snapshot", "run", "--detach", "--rm", "--name", vm_name(id), snapshot},
                         base::Deadline::in(kStartLimit), FcvmCommand::WithServer::kEnds);
}

/// The snapshot that this owner has of that id or name.
Result<std::optional<std::string>> Sandboxes::snapshot_of(const Owner& owner,
                                                          const std::string& which) const {
  for (const auto& one : FCVM_TRY(snapshots(owner))) {
    const bool has_name = !one.name.empty() && one.name == which;
    if (one.id == which || has_name) return std::optional(one.id);
  }
  return std::optional<std::string>();
}

// --- changing one ---

/// On the disk before it is so.
Result<void> Sandboxes::change(const EntryPtr& entry, const std::function<void(Sandbox&)>& change) {
  Sandbox next = copy(entry);
  change(next);
  FCVM_TRY(files_.save(next));
  const std::lock_guard lock(mutex_);
  if (entry->gone) return no_such(next.id);
  if (next.state == SandboxState::kRunning) {
    deadlines_.set(next.id, next.ends_s);
  } else {
    deadlines_.remove(next.id);
  }
  entry->sandbox = std::move(next);
  changed_.notify_all();
  return {};
}

Result<void> Sandboxes::kill(const Owner& owner, const std::string& id) {
  const auto entry = FCVM_TRY(entry_of(owner, id));
  const std::lock_guard busy(entry->busy);
  if (entry->gone) return no_such(id);
  return end(entry);
}

Result<void> Sandboxes::end(const EntryPtr& entry) {
  const Sandbox sandbox = copy(entry);
  if (setup_.on_leaving) setup_.on_leaving(sandbox.id);
  const auto deadline = base::Deadline::in(kEndLimit);
  if (sandbox.state == SandboxState::kRunning) {
    FCVM_TRY(setup_.fcvm.run({"rm", "--force", vm_name(sandbox.id)}, deadline));
  }
  if (!sandbox.snapshot.empty()) {
    FCVM_TRY(setup_.fcvm.run({"snapshot", "rm", "--force", sandbox.snapshot}, deadline));
  }
  forget(entry);
  return {};
}

Result<void> Sandboxes::pause(const Owner& owner, const std::string& id) {
  const auto entry = FCVM_TRY(entry_of(owner, id));
  const std::lock_guard busy(entry->busy);
  if (entry->gone) return no_such(id);
  if (copy(entry).state == SandboxState::kPaused) {
    return fail(EBUSY, fmt::format("sandbox {} is paused already", id));
  }
  return pause(entry);
}

/// The file says that it is paused before its VM ends: a server that is killed in between finds the
/// snapshot, or the VM under its name.
Result<void> Sandboxes::pause(const EntryPtr& entry) {
  const Sandbox sandbox = copy(entry);
  if (setup_.on_leaving) setup_.on_leaving(sandbox.id);
  const auto name = vm_name(sandbox.id);
  // Of a resume that a killed server had not finished.
  if (!sandbox.snapshot.empty()) {
    FCVM_TRY(setup_.fcvm.run({"snapshot", "rm", "--force", sandbox.snapshot},
                             base::Deadline::in(kEndLimit)));
  }
  const auto snapshot = FCVM_TRY(setup_.fcvm.run(
      {"snapshot", "create", "--stop", "--tag", name, name}, base::Deadline::in(kSaveLimit)));
  FCVM_TRY(change(entry, [&](Sandbox& changed) {
    changed.state = SandboxState::kPaused;
    changed.snapshot = snapshot;
    changed.vm.clear();
  }));
  // What is left of a VM that was run with --rm, which may be on its way out.
  FCVM_TRY(setup_.fcvm.run({"rm", "--force", name}, base::Deadline::in(kEndLimit)));
  return {};
}

Result<void> Sandboxes::resume(const EntryPtr& entry) {
  const Sandbox sandbox = copy(entry);
  const auto vm = FCVM_TRY(start_from_snapshot(sandbox.snapshot, sandbox.id));
  FCVM_TRY(change(entry, [&](Sandbox& changed) {
    changed.state = SandboxState::kRunning;
    changed.snapshot.clear();
    changed.vm = vm;
  }));
  // The VM has open what it needs of it.
  const auto removed = setup_.fcvm.run({"snapshot", "rm", "--force", sandbox.snapshot},
                                       base::Deadline::in(kEndLimit));
  if (!removed) log::warning("serve", "{}", removed.error().message());
  return {};
}

Result<Sandboxes::Connected> Sandboxes::connect(const Owner& owner, const std::string& id,
                                                std::int64_t timeout_s) {
  const auto ends = FCVM_TRY(end_time(timeout_s));
  const auto entry = FCVM_TRY(entry_of(owner, id));
  const std::lock_guard busy(entry->busy);
  if (entry->gone) return no_such(id);
  const bool was_paused = copy(entry).state == SandboxState::kPaused;
  FCVM_TRY(change(entry, [&](Sandbox& changed) {
    changed.ends_s = was_paused ? ends : std::max(changed.ends_s, ends);
  }));
  if (was_paused) FCVM_TRY(resume(entry));
  return Connected{copy(entry), was_paused};
}

Result<void> Sandboxes::set_timeout(const Owner& owner, const std::string& id,
                                    std::int64_t timeout_s) {
  const auto ends = FCVM_TRY(end_time(timeout_s));
  const auto entry = FCVM_TRY(entry_of(owner, id));
  const std::lock_guard busy(entry->busy);
  if (entry->gone) return no_such(id);
  return change(entry, [&](Sandbox& changed) { changed.ends_s = ends; });
}

Result<std::string> Sandboxes::save(const Owner& owner, const std::string& id,
                                    const std::string& name) {
  const auto entry = FCVM_TRY(entry_of(owner, id));
  const std::lock_guard busy(entry->busy);
  if (entry->gone) return no_such(id);
  if (copy(entry).state == SandboxState::kPaused) {
    return fail(EBUSY, fmt::format("sandbox {} is paused", id));
  }
  const auto tag = fmt::format("sandbox-{}-{}", id, FCVM_TRY(random_secret(4)));
  return setup_.fcvm.run(
      {"snapshot", "create", "--tag", tag, "--label", fmt::format("{}={}", kOwnerLabel, owner.name),
       "--label", fmt::format("{}={}", kNameLabel, name), vm_name(id)},
      base::Deadline::in(kSaveLimit));
}

// --- snapshots ---

namespace {

std::string label_of(const snapshot::Manifest& manifest, const char* label) {
  const auto found = manifest.labels.find(label);
  return found == manifest.labels.end() ? std::string() : found->second;
}

}  // namespace

Result<std::vector<SandboxSnapshot>> Sandboxes::snapshots(const Owner& owner) const {
  const snapshot::Store store(setup_.store.paths().snapshots());
  std::vector<SandboxSnapshot> found;
  for (const auto& one : FCVM_TRY(store.all())) {
    if (label_of(one.manifest, kOwnerLabel) != owner.name) continue;
    const auto& vm = one.manifest.vm_name;
    const auto prefix = vm_name("");
    found.push_back({.id = one.manifest.id,
                     .name = label_of(one.manifest, kNameLabel),
                     .sandbox = vm.starts_with(prefix) ? vm.substr(prefix.size()) : ""});
  }
  return found;
}

Result<void> Sandboxes::remove_snapshot(const Owner& owner, const std::string& which) {
  const auto id = FCVM_TRY(snapshot_of(owner, which));
  if (!id) return fail(ENOENT, "there is no such snapshot, and templates are not made by clients");
  FCVM_TRY(setup_.fcvm.run({"snapshot", "rm", "--force", *id}, base::Deadline::in(kEndLimit)));
  return {};
}

Result<std::vector<Result<Sandbox>>> Sandboxes::fork(const Owner& owner, const std::string& id,
                                                     std::int64_t timeout_s, unsigned count) {
  const auto source = FCVM_TRY(find(owner, id));
  const auto snapshot = FCVM_TRY(save(owner, id, ""));
  const SandboxWish wish{.template_id = source.template_id,
                         .metadata = source.metadata,
                         .environment = source.environment,
                         .timeout_s = timeout_s,
                         .pauses_at_end = source.pauses_at_end,
                         .is_public = source.traffic_token.empty(),
                         .snapshot = snapshot};
  std::vector<Result<Sandbox>> forks;
  for (unsigned made = 0; made < count; ++made) forks.push_back(create(owner, wish));
  FCVM_TRY(remove_snapshot(owner, snapshot));
  return forks;
}

// --- the end of its time ---

void Sandboxes::watch_deadlines() {
  auto look_at = base::Deadline::in(0s);
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (look_at.expired()) {
      look_at = base::Deadline::in(kBetweenLooksForStrays);
      expiry_.post([this] { end_strays(); });
    }
    for (auto& id : deadlines_.take_due(now_s())) {
      expiry_.post([this, id = std::move(id)] { expire(id); });
    }
    const auto next = deadlines_.earliest();
    // By the clock of the world, which may be set: so it is looked at now and then.
    const auto pause =
        std::chrono::seconds(next ? std::clamp<std::int64_t>(*next - now_s(), 1, 60) : 60);
    changed_.wait_for(lock, pause);
  }
}

void Sandboxes::expire(const std::string& id) {
  const auto found = entry(id);
  if (!found) return;
  const std::lock_guard busy((*found)->busy);
  const Sandbox sandbox = copy(*found);
  const bool was_extended = sandbox.ends_s > now_s();
  if ((*found)->gone || sandbox.state == SandboxState::kPaused || was_extended) return;
  log::info("serve", "the time of sandbox {} is over", id);
  auto done = sandbox.pauses_at_end ? pause(*found) : end(*found);
  const std::lock_guard lock(mutex_);
  ++counts_.expired;
  if (done) return;
  log::warning("serve", "sandbox {}: {}", id, done.error().message());
  if (!(*found)->gone) deadlines_.set(id, now_s() + 60);  // once more
}

}  // namespace fcvm::api
