#include "core/plugin/blame.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <unistd.h>

namespace fcvm::plugin {
namespace {

constexpr std::array kDeadly = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
constexpr std::size_t kStack = 64 << 10;

thread_local VerbScope* innermost = nullptr;

std::mutex mutex;
std::list<VerbScope*>& all() {
  static std::list<VerbScope*> scopes;
  return scopes;
}

std::atomic<int> exit_code{0};  // 0: nobody is blamed
std::atomic<int> last_words{-1};

/// The handler has a stack of its own, since a plugin may have used up the thread's.
void give_stack() {
  thread_local std::unique_ptr<char[]> stack;
  if (stack) return;
  stack = std::make_unique<char[]>(kStack);
  stack_t own{};
  own.ss_sp = stack.get();
  own.ss_size = kStack;
  ::sigaltstack(&own, nullptr);
}

// Below, only what a signal handler may do.

void say(int fd, std::string_view text) {
  if (fd < 0) return;
  [[maybe_unused]] const auto written = ::write(fd, text.data(), text.size());
}

void say_message(int fd, const VerbScope& scope, std::string_view what) {
  say(fd, "plugin ");
  say(fd, scope.plugin_id());
  say(fd, what);
  say(fd, " in \"");
  say(fd, scope.verb());
  say(fd, "\"");
}

void say_remedy(int fd, const VerbScope& scope) {
  say(fd, "fcvm plugin check ");
  say(fd, scope.plugin_id());
  say(fd, " tries it; report it to the plugin's author");
}

/// VMMs and helpers die with this process, and fcvm gc undoes what plugins had recorded.
[[noreturn]] void end_blaming(const VerbScope& scope, std::string_view what) {
  say(STDERR_FILENO, "fcvm: ");
  say_message(STDERR_FILENO, scope, what);
  say(STDERR_FILENO, "\n  to fix: ");
  say_remedy(STDERR_FILENO, scope);
  say(STDERR_FILENO, "\n");
  const int also = last_words;
  say(also, "f");
  say_message(also, scope, what);
  say(also, {"\0", 1});
  say_remedy(also, scope);
  ::_exit(exit_code);
}

std::string_view name_of(int number) {
  switch (number) {
    case SIGSEGV:
      return " crashed (SIGSEGV)";
    case SIGBUS:
      return " crashed (SIGBUS)";
    case SIGFPE:
      return " crashed (SIGFPE)";
    case SIGILL:
      return " crashed (SIGILL)";
    case SIGSYS:
      return " made a forbidden system call (SIGSYS)";
    default:
      return " aborted (SIGABRT)";
  }
}

extern "C" void fcvm_on_deadly_signal(int number) {
  if (innermost != nullptr && exit_code != 0) end_blaming(*innermost, name_of(number));
  ::signal(number, SIG_DFL);
  ::raise(number);
}

extern "C" void fcvm_on_exit() {
  if (innermost != nullptr && exit_code != 0) end_blaming(*innermost, " ended the process");
}

}  // namespace

VerbScope::VerbScope(const std::string& plugin_id, std::string_view verb)
    : plugin_id_(plugin_id), verb_(verb), outer_(innermost) {
  give_stack();
  {
    const std::lock_guard lock(mutex);
    place_ = all().insert(all().end(), this);
  }
  innermost = this;
}

VerbScope::~VerbScope() {
  innermost = outer_;
  const std::lock_guard lock(mutex);
  all().erase(place_);
}

std::string verbs_under_way() {
  const std::lock_guard lock(mutex);
  std::string text;
  for (const auto* scope : all()) {
    if (!text.empty()) text += ", ";
    text += std::string(scope->verb()) + " of " + scope->plugin_id();
  }
  return text;
}

void blame_plugins(int code) {
  if (exit_code.exchange(code) != 0) return;
  std::atexit(fcvm_on_exit);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // A sanitizer's own report says more.
  struct sigaction action {};
  action.sa_handler = fcvm_on_deadly_signal;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (const int number : kDeadly) ::sigaction(number, &action, nullptr);
#endif
}

void set_last_words(int fd) { last_words = fd; }

}  // namespace fcvm::plugin
