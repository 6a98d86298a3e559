// Which device is which of the plan's disks, with VMMs that name them and with those that do not.
#include "agent/boot/disks.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

namespace fs = std::filesystem;

/// A /sys of block devices, as the kernel lays them out.
class FakeSys {
 public:
  FakeSys() {
    char name[] = "/tmp/fcvm-sys.XXXXXX";
    root_ = ::mkdtemp(name);
    fs::create_directories(root_ / "block");
  }
  FakeSys(const FakeSys&) = delete;
  FakeSys& operator=(const FakeSys&) = delete;
  ~FakeSys() { fs::remove_all(root_); }

  void add(const std::string& name, const std::string& parent, const std::string& serial) {
    const fs::path device = root_ / "devices" / parent;
    fs::create_directories(device / "block" / name);
    fs::create_symlink("../../../" + fs::path(parent).filename().string(),
                       device / "block" / name / "device");
    std::ofstream(device / "block" / name / "serial") << serial << '\n';
    fs::create_symlink(device / "block" / name, root_ / "block" / name);
  }
  std::string path() const { return root_; }

 private:
  fs::path root_;
};

std::vector<wire::Disk> plan_of(std::initializer_list<const char*> serials) {
  std::vector<wire::Disk> plan;
  for (const char* serial : serials) plan.emplace_back().serial = serial;
  return plan;
}

TEST_CASE("virtio disks come in the order in which they are on the bus, and no others") {
  FakeSys sys;
  sys.add("vda", "platform/LNRO0005:10/virtio10", "10");
  sys.add("vdb", "platform/LNRO0005:02/virtio2", "2");
  sys.add("sda", "pci0000:00/0000:00:1f.2/ata1/0:0:0:0", "disk");
  sys.add("loop0", "virtual/loop0", "");
  const auto disks = virtio_disks(sys.path());
  REQUIRE(disks.size() == 2);
  CHECK(disks[0].device == "/dev/vdb");
  CHECK(disks[0].serial == "2");
  CHECK(disks[1].device == "/dev/vda");
  CHECK(disks[1].place == 10);
  CHECK(virtio_disks(sys.path() + "/no").empty());
}

TEST_CASE("a disk with the plan's serial is it, wherever it sits") {
  const std::vector<VirtioDisk> present = {{"/dev/vda", "disk", 0}, {"/dev/vdb", "base", 1}};
  const auto plan = plan_of({"base", "disk"});
  CHECK(choose_disk(present, plan, "base") == "/dev/vdb");
  CHECK(choose_disk(present, plan, "disk") == "/dev/vda");
  CHECK(choose_disk({{"/dev/vda", "a-serial-of-twenty-a", 0}},
                    plan_of({"a-serial-of-twenty-and-more"}),
                    "a-serial-of-twenty-and-more") == "/dev/vda");
}

TEST_CASE("disks that the VMM named itself are in the plan's order, once all are there") {
  const std::vector<VirtioDisk> present = {{"/dev/vda", "260115", 3}, {"/dev/vdb", "260118", 4}};
  const auto plan = plan_of({"base", "disk"});
  CHECK(choose_disk(present, plan, "base") == "/dev/vda");
  CHECK(choose_disk(present, plan, "disk") == "/dev/vdb");
  CHECK(choose_disk(present, plan, "image").empty());
  CHECK(choose_disk({present[0]}, plan, "base").empty());
  CHECK(choose_disk(present, plan_of({"base"}), "base").empty());
}

TEST_CASE("a disk that is not there yet is not taken for another one") {
  const std::vector<VirtioDisk> present = {{"/dev/vda", "base", 0}, {"/dev/vdb", "foreign", 1}};
  CHECK(choose_disk(present, plan_of({"base", "disk"}), "disk").empty());
}

}  // namespace
}  // namespace fcvm::agent
