// See fake_vmm.hpp.
#include "tests/contract/memory/fake_vmm.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/io/socket_pair.hpp"
#include "core/base/process/spawn.hpp"
#include "tests/contract/memory/fake_vmm_command.hpp"
#include "tests/support/must.hpp"

namespace fcvm::test {

namespace {

constexpr int kAnswerMs = 5000;
constexpr auto kEndLimit = std::chrono::seconds(5);

}  // namespace

FakeVmm::FakeVmm(int directory, const std::string& socket, std::uint64_t memory_bytes,
                 const HandOver& hand_over) {
  auto pair = must(base::SocketPair::create());
  std::string flags;
  if (!hand_over.with_fd) flags += 'n';
  if (hand_over.blocks) flags += 'b';
  if (hand_over.of_eventfd) flags += 'e';
  if (hand_over.silent) flags += 's';
  base::SpawnOptions options;
  options.argv = {FCVM_TEST_MEMORY_VMM,
                  socket,
                  std::to_string(memory_bytes),
                  std::to_string(hand_over.page_bytes),
                  std::to_string(hand_over.features),
                  flags,
                  hand_over.json};
  options.extra_fds = {{pair.second.get(), kControlFd}, {directory, kHomeFd}};
  child_.emplace(must(base::spawn(options)));
  control_ = std::move(pair.first);
}

bool FakeVmm::connect() { return ask('c', 0) == 'y'; }
std::optional<char> FakeVmm::page(std::uint64_t offset) { return ask('r', offset); }
void FakeVmm::touch(std::uint64_t offset) { send('r', offset); }
bool FakeVmm::has(std::uint64_t offset) { return ask('h', offset) == 'y'; }
void FakeVmm::give_back(std::uint64_t offset) { REQUIRE(ask('d', offset) == 'y'); }

void FakeVmm::write(std::uint64_t offset, char letter) { REQUIRE(ask('w', offset, letter) == 'y'); }

bool FakeVmm::churn(std::uint64_t offset, char letter, unsigned times) {
  return ask('s', offset, letter, times) == 'y';
}
void FakeVmm::set_apart(std::uint64_t offset) { REQUIRE(ask('a', offset) == 'y'); }
void FakeVmm::block() { REQUIRE(ask('b', 0) == 'y'); }
void FakeVmm::fork() { send('f', 0); }

std::optional<char> FakeVmm::ask(char what, std::uint64_t offset, char letter, unsigned times) {
  send(what, offset, letter, times);
  return answer(kAnswerMs);
}

void FakeVmm::send(char what, std::uint64_t offset, char letter, unsigned times) {
  const Command command{what, letter, times, offset};
  (void)::send(control_.get(), &command, sizeof command, MSG_NOSIGNAL);
}

std::optional<char> FakeVmm::answer(int timeout_ms) {
  pollfd ready{control_.get(), POLLIN, 0};
  char said = 0;
  if (::poll(&ready, 1, timeout_ms) != 1 || ::read(control_.get(), &said, 1) != 1) return {};
  return said;
}

int FakeVmm::ended_by() {
  const auto status = must(child_->try_wait());
  return status ? status->signal().value_or(-1) : 0;
}

void FakeVmm::kill() {
  (void)child_->signal(SIGKILL);
  (void)must(child_->wait(base::Deadline::in(kEndLimit)));
}

}  // namespace fcvm::test
