// What of its process, and of the directory that the checker gives it, a plugin could change
// without asking the host.
#pragma once

#include <cstddef>
#include <string>

#include <fcvm/result.hpp>

namespace fcvm::check {

/// As they are now.
struct Surroundings {
  Surroundings();

  std::size_t fds;
  std::size_t threads;
  bool children;
  std::string directory;  // the names in it, from the case's own directory down
  std::string process;    // a line for each thing: "umask 22"
};

/// The same of the process alone: what an object sets up once, it may keep.
[[nodiscard]] Result<void> unchanged_process(const Surroundings& before, const std::string& where);
/// Fails with the first thing that `where` has left otherwise than it was. A thread that has just
/// been joined is waited for.
[[nodiscard]] Result<void> unchanged(const Surroundings& before, const std::string& where);

}  // namespace fcvm::check
