// A specification that uses everything a VMM offers.
#pragma once

#include "tests/contract/vmm/machine.hpp"

namespace fcvm::test {

/// Fills in the machine's specification, and has to live as long.
struct FullSpec {
  fcvm_rate_limit limit = sized<fcvm_rate_limit>();
  fcvm_disk root = sized<fcvm_disk>();
  fcvm_disk data = sized<fcvm_disk>();
  const fcvm_disk* disks[2] = {&root, &data};
  fcvm_nic nic = sized<fcvm_nic>();
  fcvm_nic unplugged = sized<fcvm_nic>();
  const fcvm_nic* nics[2] = {&nic, &unplugged};

  explicit FullSpec(Machine& machine) {
    limit.bytes_per_second = 1'000'000;
    limit.bytes_burst = 2'000'000;
    limit.operations_per_second = 100;
    root.id = "base-disk";
    root.path = "base.img";
    root.flags = FCVM_DISK_READ_ONLY;
    data.id = "data";
    data.path = "data.img";
    data.flags = FCVM_DISK_CACHE_UNSAFE;
    data.limit = &limit;
    nic.id = "eth-0";
    nic.tap = "tap0";
    nic.mac = "02:00:00:00:00:01";
    nic.mtu = 1400;
    nic.receive_limit = nic.transmit_limit = &limit;
    unplugged.id = "eth-1";
    unplugged.tap = "";
    machine.write("base.img", "base");
    machine.write("data.img", "data");
    machine.write("initrd", "initrd");
    auto& spec = machine.spec();
    spec.initrd = "initrd";
    spec.command_line = "quiet panic=7 root=/dev/vda";
    spec.flags = FCVM_VM_TRACK_DIRTY;
    spec.disks = disks;
    spec.disk_count = 2;
    spec.nics = nics;
    spec.nic_count = 2;
    spec.metadata_json = R"({"name":"web","labels":{"a":"b"}})";
    spec.balloon_bytes = 32u << 20;
  }
};

}  // namespace fcvm::test
