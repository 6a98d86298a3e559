// See command.hpp.
#include "fusepipe/tool/command.hpp"

#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>

namespace fcvm::fusepipe {

bool Options::next() {
  if (at_ == words_.size()) return false;
  const std::string& word = words_[at_++];
  name_.clear();
  has_inline_value_ = false;
  if (word.rfind("--", 0) != 0) return true;
  const std::size_t equals = word.find('=');
  name_ = word.substr(0, equals);
  has_inline_value_ = equals != std::string::npos;
  if (has_inline_value_) inline_value_ = word.substr(equals + 1);
  return true;
}

Result<std::string> Options::value() {
  if (has_inline_value_) return inline_value_;
  if (at_ == words_.size()) return fail(EINVAL, name_ + " needs a value");
  return words_[at_++];
}

Result<base::Fd> ending_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  base::Fd fd(::signalfd(-1, &signals, SFD_CLOEXEC));
  if (!fd) return fail_errno("waiting for signals");
  return fd;
}

}  // namespace fcvm::fusepipe
