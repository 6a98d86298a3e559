// Progress: owns the line of a terminal on which work that takes a while is shown; elsewhere it
// prints a line when a stage begins and one when it ends. Writes to standard error, or to another
// descriptor.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <unistd.h>

namespace fcvm::setup {

class Progress {
 public:
  enum class Style { kTerminal, kLines, kSilent };

  /// The style that fits what `fd` is.
  [[nodiscard]] static Style style_of(int fd = STDERR_FILENO);

  /// `fd` is borrowed.
  explicit Progress(Style style, int fd = STDERR_FILENO) : style_(style), fd_(fd) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// A stage begins: "root file system", "Debian trixie".
  void begin(std::string_view stage, std::string_view what);
  /// How far it is, from 0 to 1, and at what.
  void update(double fraction, std::string_view doing);
  /// Shows that time passes; to be called several times a second.
  void tick();
  /// The stage is done.
  void end(std::string_view outcome);
  /// The stage is not done, and nothing is said of it: the error follows.
  void abandon();
  /// A remark on a line of its own; alone of all this it waits until it can be written.
  void note(std::string_view text);

  [[nodiscard]] double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  void draw();
  void erase();
  void say(std::string_view text) const;
  [[nodiscard]] std::size_t width() const;

  Style style_;
  int fd_;
  std::string stage_;
  std::string doing_;
  double fraction_ = -1;  // not known
  unsigned ticks_ = 0;
  Clock::time_point began_ = Clock::now();
};

}  // namespace fcvm::setup
