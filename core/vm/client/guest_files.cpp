// See guest_files.hpp.
#include "core/vm/client/guest_files.hpp"

#include <utility>

#include "core/base/printable.hpp"
#include "core/vm/guest/guest_text.hpp"

namespace fcvm::vm {
namespace {

wire::FileOrder order_of(wire::FileOperation operation, std::string path) {
  wire::FileOrder order;
  order.operation = operation;
  order.path = std::move(path);
  return order;
}

// As text, it would end there without notice.
Result<void> check_path(const std::string& path) {
  if (path.find('\0') == std::string::npos) return {};
  return fail(EINVAL, "a path with a zero byte in it names nothing");
}

std::size_t size_of(const wire::FileEntry& entry) {
  return sizeof entry + entry.name.size() + entry.path.size() + entry.link.size() +
         entry.owner.size() + entry.group.size();
}

}  // namespace

Result<wire::FileEntry> FileWriter::finish(base::Deadline deadline) {
  FCVM_TRY(order_->end_input(deadline));
  return order_->expect<wire::FileEntry>(deadline);
}

Result<std::unique_ptr<OrderUnderWay>> GuestFiles::begin(wire::FileOrder order,
                                                         base::Deadline deadline) const {
  FCVM_TRY(check_path(order.path));
  FCVM_TRY(check_path(order.destination));
  wire::ExecRequest request;
  request.place = place_;
  request.user = user_;
  request.interactive = order.operation == wire::FileOperation::kWrite;
  request.files = std::move(order);
  auto begun = FCVM_TRY(begin_exec(dial_, std::move(request), deadline));
  if (const auto* failed = std::get_if<wire::ExecFailed>(&begun)) {
    return fail(failed->error > 0 ? failed->error : EIO,
                cut_guest_text(base::printable(failed->message)));
  }
  return std::make_unique<OrderUnderWay>(std::get<ExecBegun>(std::move(begun)));
}

Result<wire::FileEntry> GuestFiles::entry_by(wire::FileOrder order, base::Deadline deadline) const {
  const auto under_way = FCVM_TRY(begin(std::move(order), deadline));
  auto entry = FCVM_TRY(under_way->expect<wire::FileEntry>(deadline));
  FCVM_TRY(under_way->next<wire::FileEntry>(deadline));
  return entry;
}

Result<wire::FileEntry> GuestFiles::stat(std::string path, base::Deadline deadline) const {
  return entry_by(order_of(wire::FileOperation::kStat, std::move(path)), deadline);
}

Result<std::vector<wire::FileEntry>> GuestFiles::list(std::string path, std::uint32_t depth,
                                                      base::Deadline deadline) const {
  auto order = order_of(wire::FileOperation::kList, std::move(path));
  order.depth = depth;
  const auto under_way = FCVM_TRY(begin(std::move(order), deadline));
  std::vector<wire::FileEntry> entries;
  std::size_t size = 0;
  while (auto entry = FCVM_TRY(under_way->next<wire::FileEntry>(deadline))) {
    size += size_of(*entry);
    if (entries.size() == kMostEntries || size > kLargestList) {
      return fail(EMSGSIZE,
                  "the list has more than " + std::to_string(kMostEntries) +
                      " entries, or more than 8 MiB of names",
                  "list fewer levels, or a directory below");
    }
    entries.push_back(*std::move(entry));
  }
  return entries;
}

Result<wire::FileEntry> GuestFiles::make_directory(std::string path,
                                                   base::Deadline deadline) const {
  return entry_by(order_of(wire::FileOperation::kMakeDirectory, std::move(path)), deadline);
}

Result<wire::FileEntry> GuestFiles::move(std::string from, std::string to,
                                         base::Deadline deadline) const {
  auto order = order_of(wire::FileOperation::kMove, std::move(from));
  order.destination = std::move(to);
  return entry_by(std::move(order), deadline);
}

Result<void> GuestFiles::remove(std::string path, base::Deadline deadline) const {
  const auto under_way =
      FCVM_TRY(begin(order_of(wire::FileOperation::kRemove, std::move(path)), deadline));
  FCVM_TRY(under_way->next<wire::FileEntry>(deadline));
  return {};
}

Result<FileReader> GuestFiles::read(std::string path, base::Deadline deadline) const {
  auto under_way = FCVM_TRY(begin(order_of(wire::FileOperation::kRead, std::move(path)), deadline));
  auto entry = FCVM_TRY(under_way->expect<wire::FileEntry>(deadline));
  return FileReader(std::move(under_way), std::move(entry));
}

Result<FileWriter> GuestFiles::write(std::string path, base::Deadline deadline) const {
  auto under_way =
      FCVM_TRY(begin(order_of(wire::FileOperation::kWrite, std::move(path)), deadline));
  return FileWriter(std::move(under_way));
}

Result<FileWatch> GuestFiles::watch(std::string path, WatchOptions options,
                                    base::Deadline deadline) const {
  auto order = order_of(wire::FileOperation::kWatch, std::move(path));
  order.recursive = options.recursive;
  order.entries = options.entries;
  auto under_way = FCVM_TRY(begin(std::move(order), deadline));
  FCVM_TRY(under_way->expect<wire::FileEntry>(deadline));
  return FileWatch(std::move(under_way));
}

}  // namespace fcvm::vm
