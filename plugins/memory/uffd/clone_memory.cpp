// See clone_memory.hpp.
#include "plugins/memory/uffd/clone_memory.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fcvm/sdk/call.hpp>

namespace fcvm::memory {

namespace {

/// A VMM that makes events without end does not keep its server from hearing of its end.
constexpr int kMostReads = 16;
/// While one is given, a fault waits.
constexpr std::uint64_t kPrefetchPiece = 256 << 10;
constexpr std::uint64_t kSmallPage = 4096;

Unexpected wrong(const std::string& what) { return fail(EPROTO, "the VMM " + what); }

/// Never waits, though a VMM that means harm may have made its userfaultfd block meanwhile: before
/// Linux 6.9 only until there is an event.
ssize_t read_now(int fd, void* to, std::size_t size) {
  iovec into{to, size};
  const ssize_t count = ::preadv2(fd, &into, 1, -1, RWF_NOWAIT);
  return count < 0 && errno == EOPNOTSUPP ? ::read(fd, to, size) : count;
}

}  // namespace

CloneMemory::CloneMemory(const PageSource& source, HandOver hand_over, std::uint64_t piece_bytes)
    : source_(source),
      page_(source.page_bytes()),
      piece_(std::max<std::uint64_t>(1, piece_bytes / page_)),
      faults_(std::move(hand_over.faults)),
      regions_(std::move(hand_over.regions)),
      given_(source.pages()),
      removed_(source.pages()),
      scratch_(page_),
      zeros_(page_ == kSmallPage ? 0 : page_) {}

Result<void> CloneMemory::read_events(std::vector<Fault>& missed) {
  std::array<uffd_msg, 32> messages;
  for (int i = 0; i < kMostReads; ++i) {
    const ssize_t count = read_now(faults_.get(), messages.data(), sizeof messages);
    if (count < 0 && errno == EAGAIN) return {};
    if (count < 0) return fail_errno("reading the VMM's page faults");
    const auto number = static_cast<std::size_t>(count) / sizeof(uffd_msg);
    Result<void> noted;
    for (std::size_t n = 0; n < number; ++n) {
      auto one = note(messages[n], missed);
      if (noted && !one) noted = std::move(one);
    }
    FCVM_TRY(std::move(noted));
    if (number < messages.size()) return {};
  }
  return {};
}

Result<void> CloneMemory::note(const uffd_msg& message, std::vector<Fault>& missed) {
  switch (message.event) {
    case UFFD_EVENT_PAGEFAULT:
      if ((message.arg.pagefault.flags & ~std::uint64_t{UFFD_PAGEFAULT_FLAG_WRITE}) != 0) break;
      if (const auto page = page_at(message.arg.pagefault.address)) {
        missed.push_back({*page, monotonic_now()});
        return {};
      }
      return wrong("misses a page that is in none of its regions");
    case UFFD_EVENT_REMOVE:
      note_removed(message.arg.remove.start, message.arg.remove.end);
      return {};
    case UFFD_EVENT_FORK:
      // Reading it made a descriptor here.
      ::close(static_cast<int>(message.arg.fork.ufd));
      break;
    default:
      break;
  }
  return wrong("has a userfaultfd that reports what was not agreed on");
}

void CloneMemory::note_removed(std::uint64_t begin, std::uint64_t end) {
  for (const Region& region : regions_) {
    const std::uint64_t from = std::max(begin, region.base);
    const std::uint64_t to = std::min(end, region.base + region.size);
    for (std::uint64_t at = from / page_ * page_; at < to; at += page_) {
      const std::uint64_t page = (region.offset + (at - region.base)) / page_;
      removed_.add(page);
      given_.remove(page);
    }
  }
}

std::optional<std::uint64_t> CloneMemory::page_at(std::uint64_t address) const {
  for (const Region& region : regions_) {
    if (address >= region.base && address - region.base < region.size) {
      return (region.offset + (address - region.base)) / page_;
    }
  }
  return {};
}

const Region* CloneMemory::region_with(std::uint64_t page) const {
  const std::uint64_t offset = page * page_;
  for (const Region& region : regions_) {
    if (offset >= region.offset && offset - region.offset < region.size) return &region;
  }
  return nullptr;
}

Result<CloneMemory::Given> CloneMemory::answer(std::uint64_t page, Tally& tally) {
  const Region& region = *region_with(page);  // where it was missed
  return give(round(page, region), region, page, tally);
}

/// In pieces that lie as the memory does, so that each page is in one.
PageSet::Run CloneMemory::round(std::uint64_t page, const Region& region) const {
  if (removed_.has(page)) return {page, 1};
  const std::uint64_t begin = std::max(page / piece_ * piece_, region.offset / page_);
  const std::uint64_t end =
      std::min(page / piece_ * piece_ + piece_, (region.offset + region.size) / page_);
  const auto goes_with = [&](std::uint64_t other) {
    return lacks(other) && source_.alike(page, other);
  };
  std::uint64_t first = page;
  std::uint64_t last = page;
  while (first > begin && goes_with(first - 1)) --first;
  while (last + 1 < end && goes_with(last + 1)) ++last;
  return {first, last + 1 - first};
}

Result<std::optional<CloneMemory::Given>> CloneMemory::give_next(const PageSet& wanted,
                                                                 std::uint64_t& cursor,
                                                                 Tally& tally) {
  const std::uint64_t most = std::max<std::uint64_t>(1, kPrefetchPiece / page_);
  for (;;) {
    const auto run = wanted.next(cursor);
    if (run.count == 0) return std::optional<Given>();
    const Region* region = region_with(run.first);
    if (region == nullptr || !lacks(run.first)) {
      cursor = run.first + 1;
      continue;
    }
    const std::uint64_t end = std::min(
        {run.first + run.count, run.first + most, (region->offset + region->size) / page_});
    std::uint64_t next = run.first + 1;
    while (next < end && lacks(next) && source_.alike(run.first, next)) ++next;
    const auto given = FCVM_TRY(give({run.first, next - run.first}, *region, {}, tally));
    if (given != Given::kLater) cursor = next;
    return std::optional(given);
  }
}

/// Pages of one region, which are all zeros or all not. A page that the VMM has, or that it maps
/// otherwise than the others, makes the kernel stop there.
Result<CloneMemory::Given> CloneMemory::give(PageSet::Run run, const Region& region,
                                             std::optional<std::uint64_t> missed, Tally& tally) {
  Given answered = Given::kBefore;
  std::uint64_t most = run.count;
  for (std::uint64_t page = run.first, end = run.first + run.count; page < end;) {
    const std::uint64_t address = region.base + (page * page_ - region.offset);
    const auto stretch = FCVM_TRY(contents(page, std::min(most, end - page)));
    const Put done = put(address, stretch);
    for (std::uint64_t i = 0; i < done.pages; ++i) given_.add(page + i);
    tally.pages += done.pages;
    if (stretch.bytes != nullptr) tally.bytes_copied += done.pages * page_;
    if (done.pages > 0) {
      if (!missed || (*missed >= page && *missed < page + done.pages)) answered = Given::kNow;
      page += done.pages;
      continue;
    }
    if (done.code == EAGAIN) return Given::kLater;
    if (done.code == ESRCH) return Given::kNobody;
    if (done.code == EFAULT && stretch.bytes != nullptr) {
      return unexpected(source_.why_unreadable(page));
    }
    if (done.code == ENOENT && stretch.pages > 1) {
      most = 1;
      continue;
    }
    if (done.code == ENOENT && missed && page != *missed) {
      ++page;
      continue;
    }
    if (done.code == ENOENT) return wrong("has not registered its memory");
    if (done.code != EEXIST) {
      return fail(done.code, std::string("giving the VMM a page: ") + std::strerror(done.code));
    }
    given_.add(page);
    FCVM_TRY(wake(address));
    ++page;
  }
  return answered;
}

Result<PageSource::Stretch> CloneMemory::contents(std::uint64_t page, std::uint64_t most) {
  auto stretch = removed_.has(page) ? PageSource::Stretch{1, nullptr}
                                    : FCVM_TRY(source_.at(page, most, scratch_));
  // There is no UFFDIO_ZEROPAGE of huge pages.
  if (stretch.bytes == nullptr && !zeros_.empty()) return PageSource::Stretch{1, zeros_.data()};
  return stretch;
}

CloneMemory::Put CloneMemory::put(std::uint64_t address, const PageSource::Stretch& stretch) const {
  const std::uint64_t size = stretch.pages * page_;
  std::int64_t done = 0;  // bytes, or a negative errno
  int failed = 0;
  if (stretch.bytes != nullptr) {
    uffdio_copy copy{};
    copy.dst = address;
    copy.src = reinterpret_cast<std::uintptr_t>(stretch.bytes);
    copy.len = size;
    failed = ::ioctl(faults_.get(), UFFDIO_COPY, &copy);
    done = copy.copy;
  } else {
    uffdio_zeropage zero{};
    zero.range = {address, size};
    failed = ::ioctl(faults_.get(), UFFDIO_ZEROPAGE, &zero);
    done = zero.zeropage;
  }
  if (failed == 0) return {0, stretch.pages};
  const int code = errno;
  return {code, done > 0 ? static_cast<std::uint64_t>(done) / page_ : 0};
}

Result<void> CloneMemory::wake(std::uint64_t address) const {
  uffdio_range range{address, page_};
  if (::ioctl(faults_.get(), UFFDIO_WAKE, &range) != 0) return fail_errno("waking the VMM");
  return {};
}

}  // namespace fcvm::memory
