// See create.hpp.
#include "core/snapshot/create.hpp"

#include <algorithm>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/log/log.hpp"
#include "core/snapshot/content_digest.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/vm/model/restore_plan.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::snapshot {
namespace {

namespace fs = std::filesystem;

/// For a VMM to write its memory where the disk is slow.
constexpr auto kSaveLimit = std::chrono::minutes(15);
constexpr auto kReleaseLimit = std::chrono::seconds(90);

/// What has a second name is shared with others, who rely on it as well. A fork's are not digested:
/// nothing comes back to them.
Result<File> describe(const fs::path& path, bool digests) {
  const Fd file = FCVM_TRY(base::open_file(path.string(), O_RDONLY | O_NOFOLLOW));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno("looking at " + path.string());
  File made{path.filename().string(), static_cast<std::uint64_t>(status.st_size), ""};
  if (digests && status.st_nlink == 1) {
    made.digest = FCVM_TRY(content_digest(file.get()) | context("reading " + path.string()));
  }
  return made;
}

Result<std::vector<File>> describe_all(const fs::path& directory, bool digests) {
  std::vector<File> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().filename() == vm::kSnapshotLock) continue;
    files.push_back(FCVM_TRY(describe(entry.path(), digests)));
  }
  std::sort(files.begin(), files.end(),
            [](const File& one, const File& other) { return one.name < other.name; });
  return files;
}

Manifest begin_manifest(const vm::Record& record, const CreateOptions& options) {
  Manifest made;
  made.tag = options.tag;
  made.kind = options.kind;
  made.created_ns = vm::now_ns();
  made.uid = ::geteuid();
  made.labels = options.labels;
  made.parent = record.snapshot;
  made.vm_id = record.id;
  made.vm_name = record.name;
  made.image_digest = record.image_digest;
  made.plugins = record.plugin_versions;
  return made;
}

/// A clone's is its snapshot's. None of a VM that is not ready, since its clones would not be, or
/// whose plan or guest cannot be looked at any more.
Recipe known_recipe(const Store& store, const vm::Store& vms, const vm::Record& record) {
  if (!record.is_ready()) return {};
  if (!record.snapshot.empty()) {
    const auto source = store.find(record.snapshot);
    return source ? source->manifest.recipe : Recipe();
  }
  const auto plan = vms.load_plan(record.id);
  const auto recipe = plan ? recipe_of(*plan, record.image_digest) : unexpected(plan.error());
  if (recipe) return *recipe;
  log::debug("snapshot", "what VM {} was made from: {}", record.name, recipe.error().message());
  return {};
}

}  // namespace

Result<Kept> create(const Store& store, const vm::Store& vms, const vm::Record& record,
                    const CreateOptions& options) {
  if (!options.replaces) FCVM_TRY(store.check_free(options.tag));
  auto recipe = known_recipe(store, vms, record);
  Draft draft = FCVM_TRY(store.begin());
  Manifest manifest = begin_manifest(record, options);
  manifest.id = draft.id();
  manifest.recipe = std::move(recipe);
  auto saved = FCVM_TRY(vm::ask_supervisor(vms.paths(), record.id,
                                           vm::ask::Save{draft.directory().string(), options.ends},
                                           base::Deadline::in(kSaveLimit)));
  // It stands still until its snapshot is kept; without one it goes on.
  bool is_kept = false;
  const auto release = [&](auto request) {
    return vm::ask_supervisor(vms.paths(), record.id, request, base::Deadline::in(kReleaseLimit));
  };
  const std::shared_ptr<void> at_end(nullptr, [&](void*) {
    if (!options.ends || is_kept) return;
    if (auto on = release(vm::ask::Unpause{}); !on)
      log::warning("snapshot", "{}", on.error().message());
  });
  manifest.plan = std::move(saved.plan);
  manifest.vmm_version = std::move(saved.vmm_version);
  manifest.snapshot_format = std::move(saved.snapshot_format);
  manifest.accelerator = std::move(saved.accelerator);
  manifest.agent = std::move(saved.agent);
  manifest.paused_ns = saved.paused_ns;
  manifest.cpu = FCVM_TRY(host_cpu());
  manifest.files = FCVM_TRY(describe_all(draft.directory(), options.kind != Manifest::kFork));
  auto kept = FCVM_TRY(store.keep(std::move(draft), manifest, options.replaces));
  is_kept = true;
  if (options.ends) FCVM_TRY(release(vm::ask::End{}) | context("ending the VM that was saved"));
  return kept;
}

}  // namespace fcvm::snapshot
