// See working_set.hpp.
#include "plugins/memory/common/working_set.hpp"

#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/fd.hpp"

namespace fcvm::memory {

namespace {

/// In the order of bytes of this host: a snapshot of memory is of no use to another kind of CPU.
struct WorkingSetHeader {
  char magic[16];
  std::uint32_t version;
  std::uint32_t page_bytes;
  std::uint64_t memory_bytes;
};

constexpr std::uint32_t kVersion = 1;

WorkingSetHeader header_of(std::uint64_t memory_bytes, std::uint64_t page_bytes) {
  WorkingSetHeader header{};
  std::memcpy(header.magic, "fcvm.working-set", sizeof header.magic);
  header.version = kVersion;
  header.page_bytes = static_cast<std::uint32_t>(page_bytes);
  header.memory_bytes = memory_bytes;
  return header;
}

}  // namespace

Result<PageSet> read_working_set(int directory, const char* path, std::uint64_t memory_bytes,
                                 std::uint64_t page_bytes) {
  const std::string doing = std::string("reading the working set ") + path;
  const std::uint64_t pages = memory_bytes / page_bytes;
  std::vector<std::uint64_t> words((pages + 63) / 64);
  const WorkingSetHeader expected = header_of(memory_bytes, page_bytes);
  const std::size_t size = sizeof expected + words.size() * sizeof words[0];
  // A FIFO must not make this wait.
  const Fd file = FCVM_TRY(base::open_at(directory, path, O_RDONLY | O_NONBLOCK) | context(doing));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno(doing);
  std::string text(size, '\0');
  const bool fits = S_ISREG(status.st_mode) && static_cast<std::size_t>(status.st_size) == size;
  if (fits) FCVM_TRY(base::read_exact(file.get(), text) | context(doing));
  if (!fits || std::memcmp(text.data(), &expected, sizeof expected) != 0) {
    return fail(EINVAL, std::string(path) + " is no working set of this memory",
                "remove it: it is recorded anew");
  }
  std::memcpy(words.data(), text.data() + sizeof expected, size - sizeof expected);
  return PageSet::of(pages, std::move(words));
}

Result<void> write_working_set(int directory, const char* path, const PageSet& pages,
                               std::uint64_t page_bytes) {
  const WorkingSetHeader header = header_of(pages.pages() * page_bytes, page_bytes);
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text.append(reinterpret_cast<const char*>(pages.words().data()),
              pages.words().size() * sizeof pages.words()[0]);
  Fd file = FCVM_TRY(base::open_at(directory, path, O_WRONLY | O_CREAT | O_EXCL, 0600) |
                     context("writing the working set"));
  auto written = base::write_all(file.get(), text);
  if (written) written = file.close();
  if (!written) ::unlinkat(directory, path, 0);
  return std::move(written) | context(std::string("writing the working set ") + path);
}

}  // namespace fcvm::memory
