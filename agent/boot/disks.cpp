// See disks.hpp.
#include "agent/boot/disks.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "agent/boot/kernel_files.hpp"
#include "core/base/deadline.hpp"
#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {
namespace {

constexpr std::size_t kVirtioSerial = 20;  // the kernel cuts it here

// "/sys/block/vda/device" is a link whose last part is "virtio3".
bool read_place(const std::string& link, unsigned& place) {
  char target[256];
  const ssize_t length = ::readlink(link.c_str(), target, sizeof target - 1);
  if (length <= 0) return false;
  target[length] = '\0';
  const char* name = std::strrchr(target, '/');
  return std::sscanf(name == nullptr ? target : name + 1, "virtio%u", &place) == 1;
}

std::string cut(const std::string& serial) { return serial.substr(0, kVirtioSerial); }

}  // namespace

std::vector<VirtioDisk> virtio_disks(const std::string& sys) {
  std::vector<VirtioDisk> disks;
  for (const auto& name : list_directory(sys + "/block")) {
    VirtioDisk disk;
    if (!read_place(sys + "/block/" + name + "/device", disk.place)) continue;
    disk.device = "/dev/" + name;
    const auto serial = base::read_file(sys + "/block/" + name + "/serial");
    if (serial) disk.serial = serial->substr(0, serial->find('\n'));
    disks.push_back(std::move(disk));
  }
  std::sort(disks.begin(), disks.end(),
            [](const auto& one, const auto& other) { return one.place < other.place; });
  return disks;
}

std::string choose_disk(const std::vector<VirtioDisk>& present, const std::vector<wire::Disk>& plan,
                        const std::string& serial) {
  bool named = false;
  for (const auto& disk : present) {
    if (disk.serial == cut(serial)) return disk.device;
    for (const auto& planned : plan) named = named || disk.serial == cut(planned.serial);
  }
  // One more or less, or one with a name: then the order says nothing.
  if (named || present.size() != plan.size()) return {};
  for (std::size_t at = 0; at < plan.size(); ++at) {
    if (plan[at].serial == serial) return present[at].device;
  }
  return {};
}

Result<std::string> find_disk(const wire::BootPlan& plan, const std::string& serial) {
  const auto deadline = base::Deadline::in(std::chrono::seconds(10));
  std::size_t count = 0;
  do {
    const auto present = virtio_disks();
    if (auto device = choose_disk(present, plan.disks, serial); !device.empty()) return device;
    count = present.size();
    const timespec pause{0, 5'000'000};
    ::nanosleep(&pause, nullptr);
  } while (!deadline.expired());
  return fail(ENODEV, "finding the disk " + serial + ": none of the guest's " +
                          std::to_string(count) +
                          " virtio disks has this serial, and the plan has " +
                          std::to_string(plan.disks.size()));
}

const wire::Disk* disk_of(const wire::BootPlan& plan, wire::DiskRole role) {
  for (const auto& disk : plan.disks) {
    if (disk.role == role) return &disk;
  }
  return nullptr;
}

std::string filesystem_of(const wire::Disk& disk) {
  return disk.filesystem.empty() ? "ext4" : disk.filesystem;
}

}  // namespace fcvm::agent
