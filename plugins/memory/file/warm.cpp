// See warm.hpp.
#include "plugins/memory/file/warm.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/mman.h>
#include <utility>

#include "plugins/memory/common/read_ahead.hpp"

namespace fcvm::memory {

namespace {

/// So long that few calls are made, so short that a cancel is heard while a slow disk is read.
constexpr std::uint64_t kPiece = 2 << 20;

template <typename Use>
Result<void> each_piece(const PageSet& pages, std::uint64_t page_bytes, const Use& use) {
  for (auto run = pages.next(0); run.count > 0; run = pages.next(run.first + run.count)) {
    const std::uint64_t end = (run.first + run.count) * page_bytes;
    for (std::uint64_t at = run.first * page_bytes; at < end; at += kPiece) {
      FCVM_TRY(use(at, std::min(kPiece, end - at)));
    }
  }
  return {};
}

/// Populating it waits for the disk, as reading does, but copies nothing; and where reading would
/// raise SIGBUS, since the file was cut meanwhile, it fails.
class Window {
 public:
  static Result<Window> over(int file, std::uint64_t size) {
    void* base = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_NORESERVE, file, 0);
    if (base == MAP_FAILED) return fail_errno("mapping the snapshot's memory");
    return Window(static_cast<char*>(base), size);
  }
  Window(Window&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)), size_(other.size_) {}
  Window& operator=(Window&&) = delete;
  ~Window() {
    if (base_ != nullptr) ::munmap(base_, size_);
  }

  [[nodiscard]] Result<void> populate(std::uint64_t offset, std::uint64_t length) const {
    while (::madvise(base_ + offset, length, MADV_POPULATE_READ) != 0) {
      if (errno != EINTR && errno != EAGAIN) return fail_errno("reading the snapshot's memory");
    }
    return {};
  }

 private:
  Window(char* base, std::uint64_t size) : base_(base), size_(size) {}

  char* base_;
  std::uint64_t size_;
};

}  // namespace

Result<void> warm(int file, const PageSet& pages, std::uint64_t page_bytes,
                  const std::function<Result<void>()>& check) {
  const Window window = FCVM_TRY(Window::over(file, pages.pages() * page_bytes));
  // All is asked for before anything is waited for: the disk is kept busy.
  const auto ask = [&](std::uint64_t offset, std::uint64_t length) -> Result<void> {
    read_ahead(file, offset, length);
    return check();
  };
  FCVM_TRY(each_piece(pages, page_bytes, ask));
  return each_piece(pages, page_bytes,
                    [&](std::uint64_t offset, std::uint64_t length) -> Result<void> {
                      FCVM_TRY(check());
                      return window.populate(offset, length);
                    });
}

}  // namespace fcvm::memory
