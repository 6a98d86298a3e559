// See vm_files.hpp.
#include "core/plugin/vm_files.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/stat.h>

#include <fcvm/sdk/sized.hpp>

namespace fcvm::plugin {

namespace {

namespace fs = std::filesystem;

constexpr int kLongestChain = 8;

bool lies_in(const fs::path& path, const fs::path& directory) {
  const auto relative = path.lexically_relative(directory);
  return !relative.empty() && *relative.begin() != "..";
}

class Collector {
 public:
  explicit Collector(fs::path directory) : directory_(std::move(directory)) {}

  Result<void> add(const char* name, bool writable) {
    if (name == nullptr) return {};
    fs::path at = directory_ / name;
    std::error_code error;
    for (int i = 0; i < kLongestChain && fs::is_symlink(at, error); ++i) {
      at = (at.parent_path() / fs::read_symlink(at, error)).lexically_normal();
      if (!lies_in(at, directory_)) break;
    }
    struct stat status {};
    // What is missing is the plugin's to complain of, in its own words.
    if (::stat(at.c_str(), &status) != 0) return {};
    note_size(status);
    if (!lies_in(at, directory_)) files_.items.push_back({at.string(), at.string(), writable});
    return {};
  }
  void note_bytes(std::uint64_t bytes) {
    files_.largest_file = std::max(files_.largest_file, bytes);
  }
  VmFiles& files() { return files_; }

 private:
  void note_size(const struct stat& status) {
    if (S_ISREG(status.st_mode)) note_bytes(static_cast<std::uint64_t>(status.st_size));
  }

  const fs::path directory_;
  VmFiles files_;
};

Result<fs::path> path_of(int directory_fd) {
  std::error_code error;
  auto path = fs::read_symlink("/proc/self/fd/" + std::to_string(directory_fd), error);
  if (!error && path.is_absolute()) return path;
  return fail(error ? error.value() : ENOENT, "finding the path of the VM's directory");
}

}  // namespace

Result<VmFiles> files_of(const fcvm_vm_spec& spec, const fcvm_vm_restore* from) {
  Collector collector(FCVM_TRY(path_of(spec.directory_fd)));
  for (const char* name : {spec.kernel, spec.kernel_elf, spec.initrd}) {
    FCVM_TRY(collector.add(name, false));
  }
  for (const auto& disk : sized_elements(spec.disks, spec.disk_count)) {
    FCVM_TRY(collector.add(disk.path, (disk.flags & FCVM_DISK_READ_ONLY) == 0));
  }
  FCVM_TRY(collector.add(spec.memory_file, true));
  collector.note_bytes(spec.memory_bytes);
  collector.files().has_network = spec.nic_count > 0;
  if (from != nullptr) {
    const auto memory = sized_copy(from->memory);
    const bool served = memory.type == FCVM_MEMORY_FROM_UFFD;
    FCVM_TRY(collector.add(from->device_state, false));
    FCVM_TRY(collector.add(memory.path, served));
    collector.files().has_page_server = served;
  }
  return std::move(collector.files());
}

}  // namespace fcvm::plugin
