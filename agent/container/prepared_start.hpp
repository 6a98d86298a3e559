// PreparedStart: a container that conmon can make at once. An interface, since hosted agents make
// none.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::agent {

class PreparedStart {
 public:
  virtual ~PreparedStart() = default;
  /// conmon's, with its environment.
  [[nodiscard]] virtual std::vector<std::string> command() const = 0;
  [[nodiscard]] virtual std::vector<std::string> environment() const = 0;
  /// Where conmon writes how the container ended: the directory, and the file's name.
  [[nodiscard]] virtual std::string exit_directory() const = 0;
  [[nodiscard]] virtual std::string id() const = 0;
  /// Where crun connects to hand over the terminal; empty: it has none.
  [[nodiscard]] virtual std::string console_socket() const = 0;
  /// crun has made it, with this first process: podman gets to know it, and it starts.
  virtual Result<void> start(pid_t pid, pid_t conmon) = 0;
  /// In place of start(), or when that has failed: nothing is left.
  virtual void take_back() = 0;
};

}  // namespace fcvm::agent
