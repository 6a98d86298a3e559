// That the real Firecracker takes what the fake one takes: every device and option, snapshots of
// both types, and a clone's own network. Its guest only halts, so any KVM will do.
#include "tests/contract/vmm/real_firecracker.hpp"

#include <cstring>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "tests/contract/vmm/full_spec.hpp"
#include "tests/support/fresh_network.hpp"
#include "tests/support/skip.hpp"

using namespace fcvm;
using namespace fcvm::test;

namespace {

/// It stays when its descriptor is closed, so that Firecracker can open it, too.
void make_tap(const char* name) {
  const base::Fd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  REQUIRE(tun.valid());
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  REQUIRE(::ioctl(tun.get(), TUNSETIFF, &request) == 0);
  REQUIRE(::ioctl(tun.get(), TUNSETPERSIST, 1) == 0);
}

/// The fake's are of four bytes; real ones have whole sectors.
void make_disks(Machine& machine) {
  machine.write("base.img", std::string(64 << 10, '\0'));
  machine.write("data.img", std::string(64 << 10, '\0'));
}

/// Returns the minor version of it.
int takes_everything(Subject subject) {
  subject.switches["metrics"] = true;
  subject.texts["log-level"] = "debug";
  Machine machine(subject);
  give_real_kernel(machine, subject);
  const FullSpec full(machine);
  make_disks(machine);
  succeeded(machine, machine.start());
  CHECK(machine.balloon().target_bytes == 32u << 20);
  // No driver will ever take it in this guest.
  CHECK(machine.set_balloon(64u << 20) == -EAGAIN);
  succeeded(machine, machine.verbs().set_metadata(machine.instance(), R"({"name":"new"})",
                                                  in_ms(5000), machine.error()));
  succeeded(machine, machine.pause());
  succeeded(machine, machine.snapshot(FCVM_SNAPSHOT_FULL));
  succeeded(machine, machine.resume());
  succeeded(machine, machine.pause());
  succeeded(machine, machine.snapshot(FCVM_SNAPSHOT_DIFF));
  CHECK(machine.status().state == FCVM_VM_PAUSED);
  const std::string version = machine.status().vmm_version;
  CHECK(machine.kill() == 0);
  return std::atoi(version.substr(version.find('.') + 1).c_str());
}

void takes_options(Subject subject, const std::string& directory, int minor) {
  subject.switches = {{"smt", true}, {"deflate-on-oom", false}};
  subject.texts["io-engine"] = "async";
  subject.texts["cpu-template"] = directory + "/template.json";
  REQUIRE(base::write_file_atomic(directory + "/template.json",
                                  R"({"cpuid_modifiers":[],"msr_modifiers":[]})"));
  for (const bool pci : {false, true}) {
    subject.switches["pci"] = pci;
    Machine machine(subject);
    give_real_kernel(machine, subject);
    const FullSpec full(machine);
    make_disks(machine);
    machine.spec().cpus = 2;
    const auto code = machine.start();
    INFO(machine.message());
    REQUIRE(code == (pci && minor < 13 ? -ENOTSUP : 0));
  }
}

/// The source lives on, and with it its tap is taken: the clone has to use the one it is given.
/// Before 1.12 there is no telling it another one.
void moves_a_clone(const Subject& subject, int minor) {
  Machine source(subject);
  give_real_kernel(source, subject);
  FullSpec full(source);
  make_disks(source);
  succeeded(source, source.start());
  succeeded(source, source.pause());
  succeeded(source, source.snapshot());
  Machine clone(subject);
  FullSpec its(clone);
  make_disks(clone);
  if (minor >= 12) its.nic.tap = "tap1";
  clone.take_snapshot(source);
  const std::string version = source.status().vmm_version;
  if (minor < 12) source.destroy();
  succeeded(clone, clone.restore(version.c_str()));
  CHECK(clone.status().state == FCVM_VM_RUNNING);
  succeeded(clone, clone.pause());
  succeeded(clone, clone.resume());
}

}  // namespace

TEST_CASE("the real Firecracker takes all that the fake one takes", "[.real-devices]") {
  const auto subjects = real_firecracker();
  if (subjects.empty()) return;
  FCVM_SKIP_IF(!opens("/dev/net/tun"), "opens /dev/net/tun");
  enter_fresh_network();
  make_tap("tap0");
  make_tap("tap1");
  const auto directory = base::TempDir::create();
  REQUIRE(directory);
  for (const Subject& subject : subjects) {
    const int minor = takes_everything(subject);
    takes_options(subject, directory->path(), minor);
    moves_a_clone(subject, minor);
  }
}
