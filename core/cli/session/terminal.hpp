// Terminal: the terminal at standard input, if there is one, and its raw mode. Owns the settings
// that it had before, and gives them back on every way out that a process can see: leaving, the
// end of this object, exit() and a crash.
#pragma once

#include <optional>

#include <fcvm/result.hpp>

#include "core/wire/output.hpp"

namespace fcvm::cli {

class Terminal {
 public:
  Terminal() = default;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { leave_raw(); }

  /// Whether keys can be read from it.
  [[nodiscard]] static bool is_there();
  /// Of whichever standard descriptor is a terminal.
  [[nodiscard]] static std::optional<wire::Resize> size();

  /// Each key comes at once and as it is, and output is not changed. At most one object at a time.
  Result<void> enter_raw();
  void leave_raw();
  [[nodiscard]] bool is_raw() const { return raw_; }

  /// What SIGTSTP would do, with the terminal as the shell expects it. Returns when continued.
  void stop_here();
  /// After SIGCONT: takes the raw mode back that a shell has reset meanwhile.
  void resume();

 private:
  bool raw_ = false;
};

}  // namespace fcvm::cli
