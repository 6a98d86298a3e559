// What a jail adds to the start of a VMM: the time from the wish to the program that runs, with and
// without, by turns. The process is made as large as a supervisor, since forking copies its tables.
//
//   jail_bench [ROUNDS [MEBIBYTES]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <vector>

#include "core/base/io/temp_dir.hpp"
#include "core/base/jail/jail.hpp"
#include "core/base/process/spawn.hpp"
#include "core/plugin/jailer.hpp"

namespace {

using namespace fcvm;
using Clock = std::chrono::steady_clock;

constexpr uid_t kUid = 3'000'000'001;

/// As Jailer lists it for a VM with links to a kernel and the like.
Result<base::Jail> make_jail(const std::string& directory, bool own_network) {
  base::Jail jail = FCVM_TRY(base::Jail::with_system());
  FCVM_TRY(jail.allow(directory, base::Jail::Access::kWrite));
  for (const char* file : {"/etc/hostname", "/etc/hosts", "/etc/fstab", "/etc/passwd"}) {
    (void)jail.allow(file, base::Jail::Access::kRead);
  }
  (void)jail.allow_device("/dev/kvm");
  (void)jail.allow_device("/dev/net/tun");
  jail.directory = directory;
  jail.own_network = own_network;
  if (plugin::may_become(kUid)) jail.uid = kUid;
  return jail;
}

Result<double> start_ms(const std::string& directory, bool jailed, bool own_network) {
  base::SpawnOptions options;
  options.argv = {"/bin/true"};
  options.cwd = directory;
  options.new_session = true;
  options.stdin_fd = options.stdout_fd = options.stderr_fd = base::kDevNull;
  const auto before = Clock::now();
  base::Jail jail;
  if (jailed) {
    jail = FCVM_TRY(make_jail(directory, own_network));
    options.jail = &jail;
    options.cwd.clear();
  }
  base::JailOutcome outcome;
  base::Child child = FCVM_TRY(base::spawn(options, &outcome));
  const std::chrono::duration<double, std::milli> taken = Clock::now() - before;
  FCVM_TRY(child.wait());
  if (jailed && outcome.level != base::JailLevel::kNamespaces) return fail(EPERM, outcome.reason);
  return taken.count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Result<void> measure(int rounds) {
  const base::TempDir directory = FCVM_TRY(base::TempDir::create());
  std::vector<double> without, with, with_network;
  for (int i = 0; i < rounds; ++i) {
    without.push_back(FCVM_TRY(start_ms(directory.path(), false, false)));
    with.push_back(FCVM_TRY(start_ms(directory.path(), true, false)));
    with_network.push_back(FCVM_TRY(start_ms(directory.path(), true, true)));
  }
  std::printf(
      "{\"bench\":\"start of a VMM's process\",\"rounds\":%d,\"user\":%d,\"without_ms\":%.3f,"
      "\"jailed_ms\":%.3f,\"jailed_own_network_ms\":%.3f,\"jail_adds_ms\":%.3f}\n",
      rounds, static_cast<int>(::geteuid()), median(without), median(with), median(with_network),
      median(with) - median(without));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 20;
  const std::size_t size = static_cast<std::size_t>(argc > 2 ? std::atoi(argv[2]) : 64) << 20;
  std::vector<char> ballast(size, 1);
  if (auto done = measure(rounds); !done) {
    std::fprintf(stderr, "jail_bench: %s\n", done.error().message().c_str());
    return 1;
  }
  return ballast.back() - 1;
}
