// Unpacker: puts the entries of a tar archive into a tree; whoever made the archive, nothing
// outside of the tree is touched. Owns the tree's directory.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"
#include "core/copy/beneath.hpp"
#include "core/copy/pack.hpp"
#include "core/tar/reader.hpp"

namespace fcvm::copy {

struct UnpackRules {
  Links links = Links::kRefuse;
  bool overwrite = false;   // a directory may replace something else, and the other way round
  bool keep_owner = false;  // as the archive has it, instead of `owner`
  std::optional<std::pair<uid_t, gid_t>> owner{};  // nothing: whoever unpacks
  bool trusted = false;  // device nodes and FIFOs are made, and set-id bits kept
  mode_t umask = 0;      // bits that no mode gets
};

class Unpacker {
 public:
  Unpacker(base::Fd directory, UnpackRules rules, Warn warn);

  /// One entry under a clean name of ours; the name of what a hard link leads to, too. Its data is
  /// read from `reader`. The directory itself (an empty name) keeps its attributes.
  Result<void> put(const tar::Entry& entry, const std::string& name, const std::string& link,
                   tar::Reader& reader);

  /// Gives the last directories their mode and time, which they could not have while they filled.
  Result<void> finish() { return leave_directories(""); }

 private:
  struct OpenDirectory {
    std::string name;
    tar::Entry entry;
  };

  Result<void> put_directory(const tar::Entry& entry, const std::string& name,
                             const Beneath::Place& place);
  Result<void> put_file(const tar::Entry& entry, const std::string& name,
                        const Beneath::Place& place, tar::Reader& reader);
  Result<void> put_link(const tar::Entry& entry, const std::string& name, const std::string& link);
  Result<void> put_special(const tar::Entry& entry, const std::string& name,
                           const Beneath::Place& place);
  Result<void> refuse_older(int parent, const std::string& leaf, const std::string& name) const;
  Result<base::Fd> create_file(const std::string& name, const Beneath::Place& place);
  Result<void> write_data(int file, const tar::Entry& entry, const std::string& name,
                          tar::Reader& reader);
  Result<void> make_way(const std::string& name, const Beneath::Place& place);
  Result<void> leave_directories(const std::string& next);
  Result<void> set_attributes(const tar::Entry& entry, const std::string& name,
                              const Beneath::Place& place);
  Result<void> set_file_attributes(int file, const tar::Entry& entry, const std::string& name);
  [[nodiscard]] std::optional<std::pair<uid_t, gid_t>> owner_of(const tar::Entry& entry) const;
  [[nodiscard]] mode_t mode_of(const tar::Entry& entry) const;

  Beneath tree_;
  UnpackRules rules_;
  Warn warn_;
  std::vector<OpenDirectory> open_;  // made by us, each within the one before it
  timespec begun_;                   // as the file system's clock has it
};

}  // namespace fcvm::copy
