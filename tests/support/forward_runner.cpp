// forward_runner NETNS GUEST_ADDRESS GUEST_PORT ADDRESS PORT: publishes ADDRESS:PORT of its own
// network namespace through fcvm's forwarder, which runs in NETNS (a path). Writes the forwarder's
// pid, then waits for the end of its standard input.
//
// Owns one Publisher, the class that the net plugins use.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

#include "core/base/process/namespaces.hpp"
#include "core/plugin/host_table.hpp"
#include "core/plugin/process_keeper.hpp"
#include "plugins/net/common/publisher.hpp"

namespace {

using namespace fcvm;

/// The pid behind a pidfd, from /proc.
pid_t pid_of(int pidfd) {
  const std::string path = "/proc/self/fdinfo/" + std::to_string(pidfd);
  std::FILE* info = std::fopen(path.c_str(), "re");
  int pid = -1;
  char line[256];
  while (info != nullptr && std::fgets(line, sizeof line, info) != nullptr) {
    if (std::sscanf(line, "Pid: %d", &pid) == 1) break;
  }
  if (info != nullptr) std::fclose(info);
  return pid;
}

Result<void> run(char** words) {
  const auto space = FCVM_TRY(base::Namespace::at_path(words[0], base::NamespaceKind::kNet));
  auto wanted = sized<fcvm_publish>();
  wanted.protocol = FCVM_PROTO_TCP;
  wanted.guest_port = static_cast<std::uint16_t>(std::atoi(words[2]));
  wanted.address = words[3];
  wanted.host_port = static_cast<std::uint16_t>(std::atoi(words[4]));
  const fcvm_publish* const all[] = {&wanted};
  auto request = sized<fcvm_net_request>();
  request.vm_id = "bench";
  request.publish = all;
  request.publish_count = 1;

  CancelSource cancel;
  const Call call(cancel, FCVM_NO_DEADLINE);
  plugin::ProcessKeeper keeper;
  const plugin::HostTable host("net.test", {.process = &keeper});
  net::Publisher publisher{Host(host.get())};
  FCVM_TRY(publisher.reserve(request));
  FCVM_TRY(publisher.start({-1, space.fd(), words[1], ""}, call));
  std::printf("%d\n", pid_of(FCVM_TRY(publisher.health())));
  std::fflush(stdout);
  char ignored = 0;
  while (::read(STDIN_FILENO, &ignored, 1) > 0) {
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: forward_runner NETNS GUEST_ADDRESS GUEST_PORT ADDRESS PORT\n");
    return 2;
  }
  const auto ran = run(argv + 1);
  if (ran) return 0;
  std::fprintf(stderr, "forward_runner: %s\n", ran.error().message().c_str());
  return 1;
}
