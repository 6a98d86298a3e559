// FakeVmm: owns a process that takes its memory from a page server, as a VMM does, and does to that
// memory what the test says.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/process/child.hpp"

namespace fcvm::test {

constexpr std::uint64_t kPage = 4096;

/// What a VMM hands over. It has two regions, of which the first in the file lies last in memory.
struct HandOver {
  std::string json;  // instead of the true one
  bool with_fd = true;
  bool blocks = false;
  bool of_eventfd = false;     // instead of a userfaultfd
  bool silent = false;         // it connects, and sends nothing
  std::uint64_t features = 0;  // of its userfaultfd, besides removals
  std::uint64_t page_bytes = kPage;
};

class FakeVmm {
 public:
  /// When it is told to, connects to `source`, a page server's socket in the directory, or maps it,
  /// a file.
  FakeVmm(int directory, const std::string& source, std::uint64_t memory_bytes,
          const HandOver& hand_over = {});

  /// False when the server was not to be reached, or the file not to be mapped.
  bool connect();

  /// The byte with which the page at an offset of the memory is filled, 'X' when it differs within
  /// the page; nothing when no answer came: the process stands still, or has ended.
  std::optional<char> page(std::uint64_t offset);
  /// Asks for it, so that the process may stand still there.
  void touch(std::uint64_t offset);
  /// The answer to `touch`, if one comes.
  std::optional<char> answer(int timeout_ms);
  /// Whether the page is in memory already.
  bool has(std::uint64_t offset);
  /// Fills the page with a letter.
  void write(std::uint64_t offset, char letter);
  /// As for a balloon.
  void give_back(std::uint64_t offset);
  /// So many times, gives pages back and takes them again, at once, and says whether each was as it
  /// should be, `letter` before it was first given back and zeros afterwards.
  bool churn(std::uint64_t offset, char letter, unsigned times);
  /// Maps the page otherwise than those round it.
  void set_apart(std::uint64_t offset);
  /// Makes its userfaultfd block.
  void block();
  /// Makes a child, without waiting until the server has heard of it.
  void fork();

  [[nodiscard]] int pidfd() const { return child_->pidfd(); }
  /// The signal that ended it, 0 while it runs.
  int ended_by();
  void kill();

 private:
  std::optional<char> ask(char what, std::uint64_t offset, char letter = 0, unsigned times = 0);
  void send(char what, std::uint64_t offset, char letter = 0, unsigned times = 0);

  std::optional<base::Child> child_;
  Fd control_;
};

}  // namespace fcvm::test
