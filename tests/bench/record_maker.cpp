// Fills a data directory with records of VMs that have exited, as full as real ones.
//
//   record_maker DATA RUNTIME COUNT
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "core/vm/model/id.hpp"
#include "core/vm/model/time_text.hpp"
#include "core/vm/store/store.hpp"

namespace fcvm::vm {
namespace {

Record exited(int number) {
  Record record;
  record.id = *random_id();
  record.name = "bench-" + std::to_string(number);
  record.image = "docker.io/library/nginx:1.27-alpine";
  record.image_digest = "sha256:" + std::string(64, 'a');
  record.command = {"nginx", "-g", "daemon off;"};
  record.labels = {{"stage", "test"}, {"owner", "nobody in particular"}};
  record.cpus = 2;
  record.memory_bytes = 1U << 30U;
  record.phase = Phase::kExited;
  record.created_ns = record.started_ns = record.finished_ns = now_ns();
  record.supervisor = {4'000'000, 1};
  record.vmm = {4'000'001, 1};
  record.vmm_plugin = "vmm.qemu";
  record.vmm_version = "qemu 7.2.22";
  record.network = "net.rootless";
  record.plugin_versions = {{"vmm.qemu", "0.1.0"}, {"net.rootless", "0.1.0"}};
  record.guest_addresses = {"10.0.2.15", "fd00::15"};
  record.ports = {{"0.0.0.0", 8080, 80}, {"0.0.0.0", 8443, 443}};
  return record;
}

}  // namespace
}  // namespace fcvm::vm

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const fcvm::vm::Paths paths{argv[1], argv[2]};
  for (int i = 0; i < std::atoi(argv[3]); ++i) {
    const auto record = fcvm::vm::exited(i);
    std::filesystem::create_directories(paths.vm(record.id));
    std::ofstream(paths.record(record.id)) << to_json(record);
  }
}
