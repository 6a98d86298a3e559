// See temporary.hpp.
#include "agent/files/temporary.hpp"

#include <atomic>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "agent/files/path.hpp"

namespace fcvm::agent {
namespace {

// Of the one that there is. The handler may use nothing that allocates.
char unfinished[PATH_MAX];
std::atomic<bool> is_unfinished{false};

void remove_unfinished(int signal) {
  if (is_unfinished) ::unlink(unfinished);
  ::_exit(128 + signal);
}

void note(const std::string& path) {
  is_unfinished = false;
  if (path.empty() || path.size() >= sizeof unfinished) return;
  std::memcpy(unfinished, path.c_str(), path.size() + 1);
  is_unfinished = true;
}

/// Keeps the signal away while there is a file that it does not know of.
class Held {
 public:
  Held() {
    sigset_t hang_up;
    ::sigemptyset(&hang_up);
    ::sigaddset(&hang_up, SIGHUP);
    ::sigprocmask(SIG_BLOCK, &hang_up, &before_);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

Result<Temporary> Temporary::create(const std::string& directory, bool replaces) {
  std::string path = joined(directory, std::string(replaces ? kForOld : kForNew) + "XXXXXX");
  ::signal(SIGHUP, remove_unfinished);
  const Held held;
  const int made = ::mkostemp(path.data(), O_CLOEXEC);
  if (made < 0) return fail_errno("making a file in " + directory);
  return Temporary(base::Fd(made), path);
}

Temporary::Temporary(base::Fd file, std::string path)
    : file_(std::move(file)), path_(std::move(path)) {
  note(path_);
}

Temporary::Temporary(Temporary&& other) noexcept
    : file_(std::move(other.file_)), path_(std::exchange(other.path_, {})) {}

Temporary::~Temporary() {
  if (path_.empty()) return;
  ::unlink(path_.c_str());
  note({});
}

Result<void> Temporary::become(const std::string& path) {
  if (::rename(path_.c_str(), path.c_str()) != 0) return fail_errno("replacing " + path);
  note({});
  path_.clear();
  return file_.close() | context("writing " + path);
}

}  // namespace fcvm::agent
