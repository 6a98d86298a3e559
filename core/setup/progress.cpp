#include "core/setup/progress.hpp"

#include <algorithm>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/poll.hpp"

namespace fcvm::setup {
namespace {

constexpr int kBarWidth = 20;
constexpr int kStageWidth = 18;

std::string bar(double fraction, unsigned ticks) {
  std::string cells(kBarWidth, '.');
  if (fraction >= 0) {
    const int full = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * kBarWidth);
    std::fill_n(cells.begin(), full, '#');
  } else {
    // Nobody knows how far it is: something that moves shows that it lives.
    for (unsigned i = 0; i < 4; ++i) cells[(ticks + i) % kBarWidth] = '#';
  }
  return "[" + cells + "]";
}

}  // namespace

Progress::Style Progress::style_of(int fd) {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  return ::isatty(fd) == 1 && !dumb ? Style::kTerminal : Style::kLines;
}

std::size_t Progress::width() const {
  winsize size{};
  if (::ioctl(fd_, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

/// Nobody depends on it: what cannot be written is not, and a terminal that was stopped (Ctrl-S),
/// or a pipe that is full, keeps nobody waiting.
void Progress::say(std::string_view text) const {
  if (!base::wait_writable(fd_, base::Deadline::at_ns(0))) return;
  [[maybe_unused]] const auto said = base::write_all(fd_, text);
}

Progress::~Progress() { erase(); }

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - began_).count();
}

void Progress::begin(std::string_view stage, std::string_view what) {
  stage_ = stage;
  doing_ = what;
  fraction_ = -1;
  ticks_ = 0;
  began_ = Clock::now();
  if (style_ == Style::kLines) say(fmt::format("{}: {}\n", stage, what));
  draw();
}

void Progress::update(double fraction, std::string_view doing) {
  fraction_ = fraction;
  doing_ = doing;
  draw();
}

void Progress::tick() {
  ++ticks_;
  draw();
}

void Progress::end(std::string_view outcome) {
  erase();
  if (style_ != Style::kSilent) {
    say(fmt::format("{}: {} ({:.1f} s)\n", stage_, outcome, seconds()));
  }
  stage_.clear();
}

void Progress::abandon() {
  erase();
  stage_.clear();
}

void Progress::note(std::string_view text) {
  erase();
  if (style_ != Style::kSilent) {
    [[maybe_unused]] const auto said = base::write_all(fd_, fmt::format("{}\n", text));
  }
  draw();
}

void Progress::draw() {
  if (style_ != Style::kTerminal || stage_.empty()) return;
  std::string line = fmt::format("{:<{}} {} {:3.0f} s  {}", stage_, kStageWidth,
                                 bar(fraction_, ticks_), seconds(), doing_);
  line.resize(std::min(line.size(), width() - 1));
  say("\r\033[K" + line);
}

void Progress::erase() {
  if (style_ == Style::kTerminal && !stage_.empty()) say("\r\033[K");
}

}  // namespace fcvm::setup
