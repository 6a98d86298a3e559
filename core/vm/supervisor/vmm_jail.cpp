#include "core/vm/supervisor/vmm_jail.hpp"

#include <utility>

#include "core/log/log.hpp"
#include "core/plugin/vm_files.hpp"

namespace fcvm::vm {

Result<VmmJail> VmmJail::make(const config::Config& config, const Paths& paths,
                              const std::string& vm_id, plugin::ProcessKeeper& processes) {
  VmmJail made;
  made.processes_ = &processes;
  const auto& wanted = config.text("jail", "at-least");
  if (!config.boolean("jail", "enabled")) {
    if (wanted != "none") {
      return fail(EINVAL, "[jail] demands a jail by at-least, and has none by enabled = false",
                  "fcvm config show --origin shows where both are set");
    }
    log::warning("vm", "the VMM runs without a jail, as [jail] enabled = false says");
    return made;
  }
  plugin::JailSettings settings;
  if (wanted == "landlock") settings.at_least = base::JailLevel::kLandlock;
  if (wanted == "namespaces") settings.at_least = base::JailLevel::kNamespaces;
  settings.files = config.list("jail", "files");
  const UidRange range = FCVM_TRY(parse_uid_range(config.text("jail", "uids")));
  if (plugin::may_become(range.first) && plugin::may_become(range.last)) {
    made.uid_.emplace(FCVM_TRY(UidLease::take((paths.data / "uids").string(), range, vm_id)));
    settings.uid = made.uid_->uid();
    settings.readers = range.first;
  }
  made.jailer_ = std::make_unique<plugin::Jailer>(processes, std::move(settings));
  made.processes_ = made.jailer_.get();
  return made;
}

Result<void> VmmJail::admit(const fcvm_vm_spec& spec, const fcvm_vm_restore* from) {
  if (jailer_) jailer_->set_files(FCVM_TRY(plugin::files_of(spec, from)));
  return {};
}

}  // namespace fcvm::vm
