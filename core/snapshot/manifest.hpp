// Manifest: what a snapshot says of itself. A value, and its JSON: manifest.json in the snapshot's
// directory. The document names the SHA-256 of what it says, so that an altered one is refused.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/snapshot/cpu.hpp"
#include "core/snapshot/recipe.hpp"

namespace fcvm::snapshot {

struct File {
  std::string name;  // in the snapshot's directory
  std::uint64_t size = 0;
  /// Of its contents (see content_digest.hpp); empty for one that the snapshot shares with others
  /// and that is not changed by anybody, such as the guest's kernel.
  std::string digest;

  friend bool operator==(const File&, const File&) = default;
};

struct Manifest {
  static constexpr int kFormat = 1;
  static constexpr const char* kFile = "manifest.json";
  static constexpr const char* kUser = "user";  // kinds
  static constexpr const char* kFork = "fork";

  std::string id;  // as a VM's
  std::string tag;
  std::string kind = kUser;
  std::int64_t created_ns = 0;
  std::uint32_t uid = 0;  // who made it
  std::map<std::string, std::string> labels;
  std::string parent;  // the snapshot that the VM was cloned from, or ""
  std::string vm_id;   // the VM that it is of
  std::string vm_name;
  std::string image_digest;
  std::string plan;                            // run_plan_json.hpp
  Recipe recipe;                               // empty: unknown, as of a VM that was not ready
  std::map<std::string, std::string> plugins;  // id -> version
  std::string vmm_version;
  std::string snapshot_format;
  std::string accelerator;
  std::string agent;
  std::int64_t paused_ns = 0;
  Cpu cpu;
  std::vector<File> files;  // all but the manifest

  /// For people: its tag, or its id.
  [[nodiscard]] const std::string& name() const { return tag.empty() ? id : tag; }
  /// Null when it has none of that name.
  [[nodiscard]] const File* find(std::string_view name) const;
};

[[nodiscard]] std::string to_json(const Manifest& manifest);
/// EPROTO for what is none, was altered, or is of a newer format.
[[nodiscard]] Result<Manifest> manifest_from_json(std::string_view json);

}  // namespace fcvm::snapshot
