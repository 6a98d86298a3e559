// See host_state.hpp.
#include "tests/contract/net/host_state.hpp"

#include <sstream>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/process/spawn.hpp"
#include "tests/contract/net/environment.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::test {

bool is_root_environment() {
  if (Environment::get() == nullptr) return false;
  if (::geteuid() != 0) skip("needs root");
  return ::geteuid() == 0;
}

std::string output_of(const std::vector<std::string>& words) {
  auto pipe = base::Pipe::create();
  REQUIRE(pipe);
  base::SpawnOptions options;
  options.argv = words;
  options.stdout_fd = pipe->write_end.get();
  auto child = base::spawn(options);
  REQUIRE(child);
  pipe->write_end.reset();
  auto text = base::read_all(pipe->read_end.get(), 1 << 20);
  REQUIRE(text);
  REQUIRE(child->wait());
  return *std::move(text);
}

std::string state_of_host() {
  std::string text = output_of({"nft", "list", "ruleset"});
  for (const char* what : {"link", "address", "route", "-6 route", "-6 neighbour show proxy"}) {
    std::istringstream words(std::string("ip -o ") + what);
    std::vector<std::string> argv;
    for (std::string word; words >> word;) argv.push_back(word);
    text += output_of(argv);
  }
  // The kernel may still be busy with the link-local address of eth0.
  const std::string busy = " tentative";
  for (auto at = text.find(busy); at != std::string::npos; at = text.find(busy)) {
    text.erase(at, busy.size());
  }
  for (const char* setting :
       {"ipv4/ip_forward", "ipv4/conf/eth0/forwarding", "ipv6/conf/all/forwarding",
        "ipv6/conf/eth0/forwarding", "ipv6/conf/eth0/accept_ra", "ipv6/conf/eth0/proxy_ndp"}) {
    const auto value = base::read_file(std::string("/proc/sys/net/") + setting);
    REQUIRE(value);
    text += std::string(setting) + " = " + *value;
  }
  return text;
}

std::string state_when_quiet(const std::string& expected) {
  const auto deadline = base::Deadline::in(std::chrono::seconds(30));
  while (state_of_host() != expected && !deadline.expired()) ::usleep(50'000);
  return state_of_host();
}

Request with_id(const std::string& id) {
  Request request;
  request.vm_id = id;
  return request;
}

}  // namespace fcvm::test
