// The file of a sandbox, <data>/sandboxes/ID.json: all of it that a server which is started again
// cannot read from its VM. It holds secrets: only its user may read it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/api/sandboxes/sandbox.hpp"

namespace fcvm::api {

[[nodiscard]] std::string to_json(const Sandbox& sandbox);
/// EPROTO for what is none, or is of a newer format.
[[nodiscard]] Result<Sandbox> sandbox_from_json(std::string_view text);

/// Lower-case letters and digits, so that it can be part of a path, a host's name and a VM's.
[[nodiscard]] bool is_sandbox_id(std::string_view text);

class SandboxFiles {
 public:
  explicit SandboxFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}

  [[nodiscard]] Result<void> save(const Sandbox& sandbox) const;
  [[nodiscard]] Result<void> remove(const std::string& id) const;
  /// One that cannot be read is left out, with a warning.
  [[nodiscard]] Result<std::vector<Sandbox>> all() const;

 private:
  [[nodiscard]] std::filesystem::path file_of(const std::string& id) const {
    return directory_ / (id + ".json");
  }

  std::filesystem::path directory_;
};

}  // namespace fcvm::api
