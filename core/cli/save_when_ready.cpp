// See save_when_ready.hpp.
#include "core/cli/save_when_ready.hpp"

#include "core/log/log.hpp"

namespace fcvm::cli {

void SaveWhenReady::begin(const vm::Record& record) {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this, record] { save(record); });
}

void SaveWhenReady::save(const vm::Record& record) const {
  const snapshot::Store store(vms_.paths().snapshots());
  const auto saved = snapshot::create(store, vms_, record, options_) |
                     context("VM " + record.name + " was not saved");
  if (!saved) return done_(unexpected(saved.error()), "");
  const auto& manifest = saved->snapshot.manifest;
  log::info("snapshot", "VM {} is saved as {}, and stood still for {:.0f} ms", record.name,
            manifest.name(), static_cast<double>(manifest.paused_ns) / 1e6);
  done_({}, manifest.id);
}

}  // namespace fcvm::cli
