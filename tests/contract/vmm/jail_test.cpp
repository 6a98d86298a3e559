// What a VMM is given of the host, as /proc tells it from outside: the same for every plugin, none
// of which does anything for it.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "core/plugin/jailer.hpp"
#include "tests/contract/vmm/fake_binary.hpp"
#include "tests/contract/vmm/fake_qemu.hpp"
#include "tests/support/skip.hpp"

using namespace fcvm;
using namespace fcvm::test;
using fcvm::test::Contains;

namespace {

namespace fs = std::filesystem;

std::string of_process(int pid, const std::string& name) {
  auto text = base::read_file("/proc/" + std::to_string(pid) + "/" + name);
  return text ? *text : "error: " + text.error().message();
}

std::string link_of(const std::string& pid, const std::string& name) {
  std::error_code error;
  return fs::read_symlink("/proc/" + pid + "/" + name, error).string();
}

/// What follows "Name:" in /proc/PID/status, or in its limits.
std::string line_of(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name)) return line.substr(name.size());
  }
  return "";
}

std::uint32_t level_of(int pid) {
  for (const auto& process : process_keeper().running()) {
    if (process.pid == pid && process.jail) {
      return 1 + static_cast<std::uint32_t>(process.jail->level);
    }
  }
  return FCVM_JAILED_NOT;
}

bool without_namespaces(int pid) {
  if (level_of(pid) == FCVM_JAILED_NAMESPACES) return false;
  skip("this host refuses namespaces to the VMM");
  return true;
}

bool by_root() { return plugin::may_become(3'000'000'000); }

std::set<std::string> names_in(const std::string& directory) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

void has_no_privileges(int pid) {
  const std::string status = of_process(pid, "status");
  for (const char* set : {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"}) {
    INFO(set);
    CHECK(line_of(status, set) == "\t0000000000000000");
  }
  CHECK(line_of(status, "NoNewPrivs:") == "\t1");
  CHECK(line_of(status, "Seccomp:") == "\t2");
  std::istringstream uids(line_of(status, "Uid:"));
  uid_t uid = 0;
  uids >> uid;
  if (by_root()) {
    CHECK(uid > 3'000'000'000);
    std::istringstream groups(line_of(status, "Groups:"));
    gid_t only = 0;
    CHECK(groups >> only);
    CHECK(only >= 3'000'000'000);
    CHECK_FALSE(groups >> only);
  } else {
    CHECK(uid == ::geteuid());
  }
}

void is_alone(int pid) {
  const std::string process = std::to_string(pid);
  for (const char* kind : {"mnt", "pid", "ipc", "uts", "net"}) {
    INFO(kind);
    const std::string link = std::string("ns/") + kind;
    CHECK(link_of(process, link) != link_of("self", link));
  }
  CHECK((link_of(process, "ns/user") != link_of("self", "ns/user")) == !by_root());
  CHECK(::getsid(pid) == pid);
  // No interface but the loopback, and that is down.
  CHECK_THAT(of_process(pid, "net/dev"), Contains("lo:"));
  CHECK(of_process(pid, "net/route").find('\n') == of_process(pid, "net/route").rfind('\n'));
}

void has_only_its_files(const Machine& machine, int pid) {
  const std::string root = "/proc/" + std::to_string(pid) + "/root";
  struct stat theirs {};
  struct stat ours {};
  REQUIRE(::stat((root + "/").c_str(), &theirs) == 0);
  REQUIRE(::stat("/", &ours) == 0);
  CHECK((theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino));
  for (const std::string& name : names_in(root)) {
    INFO(name);
    const bool known = name == "usr" || name == "bin" || name == "sbin" ||
                       name.starts_with("lib") || name == "dev" || name == "proc" ||
                       name == "etc" || name == "tmp" ||
                       machine.path().starts_with("/" + name + "/") ||
                       std::string(FCVM_TEST_FAKE_QEMU).starts_with("/" + name + "/");
    CHECK(known);
  }
  CHECK_FALSE(fs::exists(root + "/etc/passwd"));
  CHECK_FALSE(fs::exists(root + "/dev/mem"));
  CHECK(names_in(root + machine.path()).contains("kernel"));
  // Its directory, and the script that is the fake; besides, where this build lies, if it is there.
  const bool built_there = std::string(FCVM_TEST_FAKE_QEMU).starts_with("/tmp/");
  CHECK(names_in(root + "/tmp").size() <= (built_there ? 3U : 2U));
  CHECK_FALSE(fs::exists(root + "/proc/sys"));
}

void has_little_else(int pid) {
  const std::string environment = of_process(pid, "environ");
  CHECK_THAT(environment, Contains("PATH=") && Contains("LANG="));
  CHECK(environment.find("FCVM_SECRET") == std::string::npos);
  const std::string limits = of_process(pid, "limits");
  CHECK_THAT(line_of(limits, "Max core file size"), Contains(" 0 "));
  CHECK(line_of(limits, "Max file size").find("unlimited") == std::string::npos);
  CHECK(line_of(limits, "Max open files").find("unlimited") == std::string::npos);
  for (const std::string& fd : names_in("/proc/" + std::to_string(pid) + "/fd")) {
    const std::string what = link_of(std::to_string(pid), "fd/" + fd);
    INFO(fd << " is " << what);
    CHECK(what.find("vm.json") == std::string::npos);
    CHECK(what.find("landlock") == std::string::npos);
    CHECK(what.find("[pidfd]") == std::string::npos);
  }
}

void is_jailed(const Subject& subject) {
  INFO(subject.name);
  ::setenv("FCVM_SECRET", "token", 1);
  Machine machine(subject);
  succeeded(machine, machine.start());
  ::unsetenv("FCVM_SECRET");
  const int pid = machine.status().pid;
  has_no_privileges(pid);
  has_little_else(pid);
  if (without_namespaces(pid)) return;
  is_alone(pid);
  has_only_its_files(machine, pid);
}

/// Outside of the VM's directory, to which a link in it leads.
struct Elsewhere {
  base::TempDir directory = *base::TempDir::create();
  std::string file(const std::string& name) const { return directory.path() + "/" + name; }
};

void has_what_links_lead_to(const Subject& subject) {
  INFO(subject.name);
  const Elsewhere elsewhere;
  REQUIRE(base::write_file_atomic(elsewhere.file("base"), "base", 0600));
  REQUIRE(base::write_file_atomic(elsewhere.file("secret"), "secret", 0644));
  Machine machine(subject);
  REQUIRE(::symlinkat(elsewhere.file("base").c_str(), machine.directory(), "base.img") == 0);
  REQUIRE(::symlinkat(elsewhere.file("secret").c_str(), machine.directory(), "unnamed") == 0);
  auto disk = sized<fcvm_disk>();
  disk.id = "base";
  disk.path = "base.img";
  disk.flags = FCVM_DISK_READ_ONLY;
  const fcvm_disk* const disks[] = {&disk};
  machine.spec().disks = disks;
  machine.spec().disk_count = 1;
  succeeded(machine, machine.start());
  const int pid = machine.status().pid;
  if (without_namespaces(pid)) return;
  const std::string root = "/proc/" + std::to_string(pid) + "/root";
  CHECK(fs::exists(root + elsewhere.file("base")));
  // A link that no specification names, as a VMM itself may have left it, leads nowhere.
  CHECK_FALSE(fs::exists(root + elsewhere.file("secret")));
}

void gives_back(const Subject& subject) {
  INFO(subject.name);
  FCVM_SKIP_IF(!by_root(), "only root has users for its VMMs");
  Machine machine(subject);
  succeeded(machine, machine.start());
  struct stat status {};
  REQUIRE(::fstat(machine.directory(), &status) == 0);
  CHECK(status.st_uid > 3'000'000'000);
  machine.destroy();
  REQUIRE(::fstat(machine.directory(), &status) == 0);
  CHECK(status.st_uid == 0);
  REQUIRE(::stat((machine.path() + "/kernel").c_str(), &status) == 0);
  CHECK(status.st_uid == 0);
}

}  // namespace

TEST_CASE("QEMU is jailed") { is_jailed(fake_qemu()); }
TEST_CASE("Firecracker is jailed") { is_jailed(FakeBinary(16).subject()); }

TEST_CASE("a VMM has what the links lead to that its specification names") {
  has_what_links_lead_to(fake_qemu());
  has_what_links_lead_to(FakeBinary(16).subject());
}

TEST_CASE("what was the VMM's user's is the host's again when the VMM has ended") {
  gives_back(fake_qemu());
  gives_back(FakeBinary(16).subject());
}
