#include "core/plugin/recovery.hpp"

#include <fcvm/sdk/sized.hpp>

#include "core/plugin/blame.hpp"
#include "core/plugin/host_table.hpp"
#include "core/plugin/loader.hpp"

namespace fcvm::plugin {

Result<void> recover(const Entry& entry, const Settings& settings, Services services,
                     base::Deadline deadline) {
  const std::string& id = entry.descriptor.id;
  const Object object = FCVM_TRY(Registry::load(entry));
  if (object.table().recover == nullptr) {
    return fail(ENOTSUP, "plugin " + id + " has recorded what has to be undone, and undoes nothing",
                "ask its author for `recover`; fcvm rm --abandon removes the VM all the same");
  }
  HostTable host(id, services);
  auto error = sized<fcvm_error>();
  const std::int32_t code = [&] {
    const VerbScope scope(id, "recover");
    return object.table().recover(host.get(), settings.get(), deadline.as_ns(), &error);
  }();
  if (code != 0) return unexpected(take_error(code, error).context(id));
  return {};
}

}  // namespace fcvm::plugin
