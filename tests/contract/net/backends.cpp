// See backends.hpp.
#include "tests/contract/net/backends.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::test {

namespace fs = std::filesystem;

std::string pasta_to_test() {
  const char* named = std::getenv("FCVM_TEST_PASTA");
  return named == nullptr ? "pasta" : named;
}

Backend rootless() {
  Backend backend;
  backend.name = "rootless";
  backend.object = FCVM_TEST_NET_ROOTLESS;
  backend.reaches_host_loopback = true;
  backend.texts["pasta"] = pasta_to_test();
  return backend;
}

std::string lease_directory() {
  static std::optional<base::TempDir> own;
  if (const char* given = std::getenv("FCVM_TEST_LEASES")) return given;
  if (own) return own->path();
  auto made = base::TempDir::create();
  if (!made) FAIL(made.error().message());
  own = *std::move(made);
  return own->path();
}

Backend bridged() {
  Backend backend;
  backend.name = "bridged";
  backend.object = FCVM_TEST_NET_BRIDGED;
  backend.needs_root = true;
  backend.reaches_host_loopback = true;
  backend.texts["lease-directory"] = lease_directory();
  return backend;
}

Backend routed() {
  Backend backend = bridged();
  backend.name = "routed";
  backend.object = FCVM_TEST_NET_ROUTED;
  return backend;
}

std::vector<Backend> backends() {
  if (::geteuid() != 0) return {rootless()};
  return {rootless(), bridged(), routed()};
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code gone;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    std::ifstream file(task.path() / "children");
    for (pid_t child = 0; file >> child;) children.push_back(child);
  }
  return children;
}

int kill_children(const std::string& name) {
  int killed = 0;
  for (const pid_t pid : children_of(::getpid())) {
    const auto words = base::read_file("/proc/" + std::to_string(pid) + "/cmdline");
    const auto program = words ? words->substr(0, words->find('\0')) : std::string();
    if (program.find(name) == std::string::npos) continue;
    REQUIRE(::kill(pid, SIGKILL) == 0);
    ++killed;
  }
  return killed;
}

bool namespace_in_use(std::uint64_t inode) {
  struct stat own {};
  if (::stat("/proc/self/ns/net", &own) != 0) FAIL("looking at the network namespace");
  const auto is_it = [&](const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && status.st_ino == inode &&
           status.st_dev == own.st_dev;
  };
  for (const auto& process : fs::directory_iterator("/proc")) {
    if (is_it(process.path() / "ns/net")) return true;
    std::error_code gone;
    for (const auto& held : fs::directory_iterator(process.path() / "fd", gone)) {
      if (is_it(held.path())) return true;
    }
  }
  return false;
}

}  // namespace fcvm::test
