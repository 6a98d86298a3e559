#include "core/setup/disk.hpp"

#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "core/base/io/clone_file.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/setup/program.hpp"

namespace fcvm::setup {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

Result<void> make_template(const std::filesystem::path& templates,
                           const std::filesystem::path& final_path, std::uint64_t bytes) {
  FCVM_TRY(base::make_directories(templates));
  base::TempDir work = FCVM_TRY(base::TempDir::create(templates, ".tmp-"));
  const std::string image = work.path() + "/disk";
  const Fd file = FCVM_TRY(base::open_file(image, O_RDWR | O_CREAT | O_EXCL, 0644));
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) {
    return fail_errno("making " + image + " " + std::to_string(bytes / kMiB) + " MiB large");
  }
  // No journal: the disk is thrown away after a crash, and a snapshot's is taken while paused. With
  // uninit_bg inode tables are holes, or each VM would get a copy of 170 MB of zeros for its 10
  // GiB.
  FCVM_TRY(run_program({.argv = {"mke2fs", "-q", "-F", "-t", "ext4", "-O",
                                 "^has_journal,^resize_inode,^metadata_csum,uninit_bg", "-m", "0",
                                 "-E", "lazy_itable_init=1,nodiscard", "-L", "fcvm-disk", image}}));
  std::error_code error;
  std::filesystem::rename(image, final_path, error);
  if (error) return fail(error.value(), "naming " + final_path.string() + ": " + error.message());
  return {};
}

}  // namespace

Result<void> clone_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  const Fd source = FCVM_TRY(base::open_file(from, O_RDONLY));
  Fd target = FCVM_TRY(base::open_file(to, O_RDWR | O_CREAT | O_EXCL, 0644));
  auto cloned = base::clone_file(source.get(), target.get());
  if (cloned) cloned = target.close();
  if (!cloned) ::unlink(to.c_str());
  return std::move(cloned) | context("copying " + from.string() + " to " + to.string());
}

Result<bool> can_reflink(const std::filesystem::path& directory) {
  const base::TempDir work = FCVM_TRY(base::TempDir::create(directory, ".reflink-"));
  const Fd source = FCVM_TRY(base::open_file(work.path() + "/a", O_RDWR | O_CREAT));
  const Fd target = FCVM_TRY(base::open_file(work.path() + "/b", O_RDWR | O_CREAT));
  FCVM_TRY(base::write_all(source.get(), std::string(4096, 'x')));
  return base::share_blocks(source.get(), target.get());
}

Result<void> make_writable_disk(const std::filesystem::path& templates,
                                const std::filesystem::path& to, std::uint64_t bytes) {
  const std::uint64_t size = (bytes + kMiB - 1) / kMiB * kMiB;
  const auto original = templates / ("disk-" + std::to_string(size / kMiB) + "M.ext4");
  if (::access(original.c_str(), R_OK) != 0) {
    FCVM_TRY(make_template(templates, original, size) | context("making a template of a disk"));
  }
  return clone_file(original, to);
}

}  // namespace fcvm::setup
