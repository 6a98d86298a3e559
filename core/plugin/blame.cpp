#include "core/plugin/blame.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FCVM_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FCVM_SANITIZED
#endif

namespace fcvm::plugin {
namespace {

constexpr std::size_t kStack = 64 << 10;

thread_local VerbScope* innermost = nullptr;

std::mutex mutex;
/// Never destroyed: a plugin's exit() runs destructors while other threads are in verbs.
std::list<VerbScope*>& all() {
  static auto& scopes = *new std::list<VerbScope*>;
  return scopes;
}

std::atomic<int> blamed_code{0};  // 0: nobody is blamed
std::atomic<int> last_words{-1};

/// The handler has a stack of its own, since a plugin may have used up the thread's.
class AlternateStack {
 public:
  AlternateStack() {
    stack_t before{};
    // A sanitizer's own, or that of whoever made this thread, stays.
    if (::sigaltstack(nullptr, &before) != 0 || (before.ss_flags & SS_DISABLE) == 0) return;
    memory_ = std::make_unique<char[]>(kStack);
    stack_t own{};
    own.ss_sp = memory_.get();
    own.ss_size = kStack;
    ::sigaltstack(&own, nullptr);
  }
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;
  ~AlternateStack() {
    if (!memory_) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    ::sigaltstack(&none, nullptr);
  }

 private:
  std::unique_ptr<char[]> memory_;
};

void give_stack() { thread_local const AlternateStack stack; }

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
  ::_exit(blamed_code);
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
  // What a plugin has overwritten may make this crash as well.
  static std::atomic_flag entered;
  const bool first = !entered.test_and_set();
  if (first && innermost != nullptr && blamed_code != 0) end_blaming(*innermost, name_of(number));
  ::signal(number, SIG_DFL);
  ::raise(number);
}

extern "C" void fcvm_on_exit() {
  if (innermost != nullptr && blamed_code != 0) end_blaming(*innermost, " ended the process");
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
  if (blamed_code.exchange(code) != 0) return;
  blame_exits();
#if !defined(FCVM_SANITIZED)
  // A sanitizer's own report says more.
  struct sigaction action {};
  action.sa_handler = fcvm_on_deadly_signal;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS}) {
    ::sigaction(number, &action, nullptr);
  }
#endif
}

void blame_exits() {
  if (blamed_code != 0) std::atexit(fcvm_on_exit);
}

void set_last_words(int fd) { last_words = fd; }

void say_last_words(const Error& error) {
  const std::string text = 'f' + error.message() + '\0' + error.remedy();
  say(last_words.exchange(-1), text);
}

}  // namespace fcvm::plugin
