// What the helpers of a network have left once they run, read from /proc.
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/jail/landlock.hpp"
#include "plugins/net/common/confinement.hpp"
#include "tests/contract/net/backends.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::test {
namespace {

using fcvm::test::Contains;

std::string program_of(pid_t pid) {
  const auto text = base::read_file("/proc/" + std::to_string(pid) + "/cmdline");
  const std::string path = text ? text->substr(0, text->find('\0')) : std::string();
  return path.substr(path.rfind('/') + 1);
}

/// "Uid", "CapEff"...: the first word behind it.
std::string status_of(pid_t pid, const std::string& field) {
  std::istringstream lines(*base::read_file("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::string value;
    words >> name >> value;
    if (name == field + ":") return value;
  }
  return {};
}

bool confined(pid_t pid) {
  const std::string none(16, '0');
  return status_of(pid, "CapEff") == none && status_of(pid, "CapPrm") == none &&
         status_of(pid, "CapBnd") == none && status_of(pid, "NoNewPrivs") == "1" &&
         status_of(pid, "Seccomp") == "2";
}

/// In a child: 0 when a file that everybody may read cannot be opened any more.
int open_when_confined() {
  if (!net::give_up_privileges()) return 2;
  return ::open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 1;
}

TEST_CASE("who gave up its privileges opens no file") {
  FCVM_SKIP_IF(base::Landlock::version() == 0, "this kernel has no Landlock");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(open_when_confined());
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("helpers have no privilege left, and the forwarder is not root") {
  if (Environment::get() == nullptr) return;
  for (const Backend& backend : backends()) {
    if (backend.name == "bridged") continue;  // which has no helper
    INFO(backend.name);
    Network network(backend);
    Request request;
    request.publish = {port(4700, FCVM_PROTO_TCP)};
    REQUIRE(network.attach(request) == 0);
    FakeGuest guest(network);
    CHECK(through(network.attachment().host_address, 4700, FCVM_PROTO_TCP) == "published");
    int seen = 0;
    for (const pid_t pid : children_of(::getpid())) {
      const std::string program = program_of(pid);
      if (program != "fcvm-forward" && program != "fcvm-net-holder") continue;
      INFO(program);
      CHECK(confined(pid));
      if (program == "fcvm-forward") CHECK(status_of(pid, "Uid") != "0");
      ++seen;
    }
    CHECK(seen == (backend.name == "rootless" ? 2 : 1));
  }
}

}  // namespace
}  // namespace fcvm::test
