// See vmm_host.hpp.
#include "tests/support/vmm_host.hpp"

#include <filesystem>
#include <unistd.h>
#include <utility>

#include "core/plugin/host_table.hpp"
#include "core/plugin/jailer.hpp"

namespace fcvm::test {

namespace {

constexpr uid_t kReaders = 3'000'100'000;
constexpr uid_t kUids = 60'000;

/// The fakes are in the build tree, are reached through scripts, and read a table of the sources.
plugin::JailSettings settings() {
  plugin::JailSettings made;
  // Where the build lies; in the rig it lies elsewhere.
  for (const char* place : {FCVM_TEST_PROGRAMS, FCVM_TEST_SUPPORT, "/rig/tests/support"}) {
    if (std::filesystem::exists(place)) made.files.emplace_back(place);
  }
  made.readers = kReaders;
  const uid_t own = kReaders + 1 + static_cast<uid_t>(::getpid()) % kUids;
  if (plugin::may_become(own)) made.uid = own;
  return made;
}

plugin::Jailer& jailer() {
  static auto* const made = new plugin::Jailer(process_keeper(), settings());
  return *made;
}

}  // namespace

plugin::ProcessKeeper& process_keeper() {
  static auto* const keeper = new plugin::ProcessKeeper;
  return *keeper;
}

const fcvm_host* vmm_host() {
  static const auto* const host =
      new plugin::HostTable("vmm.test", plugin::Services{.process = &jailer()});
  return host->get();
}

void jail_for(const fcvm_vm_spec& spec, const fcvm_vm_restore* from) {
  auto files = plugin::files_of(spec, from);
  if (files) jailer().set_files(*std::move(files));
}

}  // namespace fcvm::test
