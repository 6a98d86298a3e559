#include "core/setup/formats/decompress.hpp"

#include <array>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/setup/program.hpp"

namespace fcvm::setup {
namespace {

constexpr std::size_t kLargest = 512 << 20;

struct Magic {
  Compression compression;
  std::string_view bytes;
  std::string_view tool;
};

constexpr std::array<Magic, 6> kMagics = {{
    {Compression::kGzip, {"\x1f\x8b\x08", 3}, "gzip"},
    {Compression::kXz, {"\xfd\x37\x7a\x58\x5a\x00", 6}, "xz"},
    {Compression::kZstd, {"\x28\xb5\x2f\xfd", 4}, "zstd"},
    {Compression::kLz4, {"\x02\x21\x4c\x18", 4}, "lz4"},  // the legacy frame, as kernels have it
    {Compression::kBzip2, {"BZh", 3}, "bzip2"},
    {Compression::kLzma, {"\x5d\x00\x00", 3}, "xz"},
}};

}  // namespace

Compression compression_of(std::string_view bytes) {
  for (const auto& magic : kMagics) {
    if (bytes.starts_with(magic.bytes)) return magic.compression;
  }
  return Compression::kNone;
}

std::string_view tool_of(Compression compression) {
  for (const auto& magic : kMagics) {
    if (magic.compression == compression) return magic.tool;
  }
  return "cat";
}

Result<std::string> decompress(std::string_view bytes, Compression compression,
                               const std::filesystem::path& scratch) {
  if (compression == Compression::kNone) return std::string(bytes);
  const base::TempDir work = FCVM_TRY(base::TempDir::create(scratch, "unpack-"));
  const auto packed = FCVM_TRY(base::open_file(work.path() + "/in", O_RDWR | O_CREAT, 0600));
  const auto plain = FCVM_TRY(base::open_file(work.path() + "/out", O_RDWR | O_CREAT, 0600));
  FCVM_TRY(base::write_all(packed.get(), bytes));
  if (::lseek(packed.get(), 0, SEEK_SET) != 0) return fail_errno("rewinding a file");
  FCVM_TRY(run_program({.argv = {std::string(tool_of(compression)), "-dc"},
                        .stdin_fd = packed.get(),
                        .stdout_fd = plain.get()}));
  return base::read_file(work.path() + "/out", kLargest);
}

}  // namespace fcvm::setup
