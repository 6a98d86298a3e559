// SharedWriter: a queue in front of a descriptor that is not ours alone, such as stdout. Owns the
// bytes that wait; borrows the descriptor.
//
// O_NONBLOCK belongs to the open file, and so to the shell and everybody else who has it: it stays
// as it is. A pipe that polls writable takes PIPE_BUF bytes without blocking, so that is how much
// goes at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::base {

class SharedWriter {
 public:
  /// A negative descriptor swallows everything.
  explicit SharedWriter(int fd);

  /// Writes what goes without waiting, and keeps the rest.
  Result<void> put(std::string_view bytes);
  /// The same for what was kept: for when `fd` polls writable.
  Result<void> flush();
  /// From now on everything is swallowed; for a reader that has gone.
  void close();

  [[nodiscard]] bool empty() const { return begin_ == waiting_.size(); }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  Result<std::size_t> write_ready(std::string_view bytes) const;

  int fd_;
  std::size_t step_;
  std::string waiting_;
  std::size_t begin_ = 0;
};

}  // namespace fcvm::base
