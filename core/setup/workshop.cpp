#include "core/setup/workshop.hpp"

#include <chrono>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include "core/base/io/temp_dir.hpp"
#include "core/log/log.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;

constexpr char kLock[] = ".lock";
constexpr char kTemporary[] = ".tmp-";
constexpr auto kPatience = std::chrono::milliseconds(150);

/// The holder's pid is for the message only; the lock is the kernel's.
Result<void> sign(const base::FileLock& lock) {
  const std::string pid = std::to_string(::getpid()) + '\n';
  if (::ftruncate(lock.fd(), 0) != 0) return fail_errno("signing the lock");
  return base::write_all(lock.fd(), pid);
}

std::string holder(const fs::path& lock) {
  const auto text = base::read_file(lock, 64);
  return text && !text->empty() ? "process " + text->substr(0, text->find('\n')) : "a process";
}

Result<base::FileLock> wait_for_lock(const fs::path& path, Progress& progress) {
  auto lock = base::FileLock::acquire(path, base::Deadline::in(std::chrono::seconds(0)));
  if (lock || lock.error().code() != ETIMEDOUT) return lock;
  progress.begin(
      "waiting",
      fmt::format("another fcvm setup works here ({}); its result will be used", holder(path)));
  for (;;) {
    lock = base::FileLock::acquire(path, base::Deadline::in(kPatience));
    if (lock || lock.error().code() != ETIMEDOUT) break;
    progress.tick();
  }
  if (lock) progress.end("the other setup has ended");
  return lock;
}

}  // namespace

Result<Workshop> Workshop::enter(const fs::path& guests, Progress& progress) {
  FCVM_TRY(base::make_directories(guests) |
           remedy("choose another directory with FCVM_DATA_DIR or [paths] data-dir"));
  base::FileLock lock = FCVM_TRY(wait_for_lock(guests / kLock, progress) |
                                 remedy("choose another directory with FCVM_DATA_DIR"));
  FCVM_TRY(sign(lock));
  Workshop workshop(guests, std::move(lock));
  workshop.remove_leftovers();
  std::error_code ignored;
  fs::remove(workshop.log(), ignored);
  return workshop;
}

void Workshop::remove_leftovers() {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(guests_, error)) {
    if (entry.path().filename().string().starts_with(kTemporary)) found.push_back(entry.path());
  }
  for (const auto& path : found) {
    // A tool that outlives its killed setup by a moment may still write there: the next one tries
    // again.
    const auto removed = base::remove_tree(path);
    if (!removed) log::warning("setup", "{}", removed.error().message());
  }
}

Result<fs::path> Workshop::new_directory(const std::string& name) {
  auto made = FCVM_TRY(base::TempDir::create(guests_, kTemporary + name + "-"));
  return fs::path(made.keep());
}

}  // namespace fcvm::setup
