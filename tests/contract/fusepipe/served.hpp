// A directory of the test's own, served by `fusepipe serve` and mounted by `fusepipe mount`, as two
// processes on this machine. Owns both, and the directories.
#pragma once

#include <optional>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "core/base/io/fd.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/process/child.hpp"

namespace fcvm::test {

/// Why nothing can be mounted here, or empty.
std::string why_no_mount();

/// One of the two processes. Its first line says that it is ready.
class Tool {
 public:
  /// `giver` is its descriptor 3.
  explicit Tool(const std::vector<std::string>& words, rlim_t descriptors = RLIM_INFINITY,
                int giver = -1);

  [[nodiscard]] base::Child& process() { return *process_; }
  /// Waits for its end: its exit status as text.
  std::string end();
  /// Whatever it wrote to stderr, once it has ended.
  std::string errors();

 private:
  std::optional<base::Child> process_;
  base::Fd output_;
  base::Fd errors_;
};

class Served {
 public:
  enum class OnlyServer { kYes };
  /// `descriptors`: how many the server may have.
  explicit Served(OnlyServer /*tag*/, std::vector<std::string> serve_options = {},
                  rlim_t descriptors = RLIM_INFINITY);
  explicit Served(std::vector<std::string> serve_options = {},
                  std::vector<std::string> mount_options = {});
  ~Served();
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  /// A path in the directory itself, and the same by way of the mount.
  [[nodiscard]] std::string host(const std::string& name = {}) const { return path("host", name); }
  [[nodiscard]] std::string mounted(const std::string& name = {}) const {
    return path("mnt", name);
  }
  [[nodiscard]] std::string socket() const { return path("socket"); }
  [[nodiscard]] std::string stream() const { return "unix:" + socket(); }

  /// After the constructor with OnlyServer: mounts what is behind another stream.
  void start_mount(const std::string& from, const std::vector<std::string>& options = {});
  void start_server();
  [[nodiscard]] Tool& server() { return *server_; }
  [[nodiscard]] Tool& mount() { return *mount_; }
  [[nodiscard]] bool is_mounted() const;

 private:
  [[nodiscard]] std::string path(const std::string& part, const std::string& name = {}) const {
    return directory_.path() + "/" + part + (name.empty() ? "" : "/" + name);
  }

  base::TempDir directory_;
  std::vector<std::string> serve_options_;
  rlim_t descriptors_;
  std::optional<Tool> server_;
  std::optional<Tool> mount_;
};

}  // namespace fcvm::test
