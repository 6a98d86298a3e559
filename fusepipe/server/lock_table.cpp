// See lock_table.hpp.
#include "fusepipe/server/lock_table.hpp"

#include <cerrno>
#include <fcntl.h>

namespace fcvm::fusepipe {

std::shared_ptr<const base::Fd> LockTable::file_of(const Directory& directory, const Node& node,
                                                   std::uint64_t owner, int& error) {
  const std::scoped_lock lock(mutex_);
  const Key key{node.id, owner};
  if (const auto found = files_.find(key); found != files_.end()) return found->second;
  if (files_.size() >= limit_) {
    error = ENOLCK;
    return nullptr;
  }
  int fd = directory.open_file(node, O_RDWR);
  if (fd == -EACCES || fd == -EROFS || fd == -EPERM) fd = directory.open_file(node, O_RDONLY);
  if (fd < 0) {
    error = -fd;
    return nullptr;
  }
  auto file = std::make_shared<const base::Fd>(fd);
  files_.emplace(key, file);
  return file;
}

std::shared_ptr<const base::Fd> LockTable::find(std::uint64_t node, std::uint64_t owner) const {
  const std::scoped_lock lock(mutex_);
  const auto found = files_.find({node, owner});
  return found == files_.end() ? nullptr : found->second;
}

void LockTable::release(std::uint64_t node, std::uint64_t owner) {
  std::shared_ptr<const base::Fd> file;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = files_.find({node, owner});
    if (found == files_.end()) return;
    file = std::move(found->second);
    files_.erase(found);
  }
  // A call that waits for another lock of this owner's has the file, too: closing does not do it.
  struct flock all {};
  all.l_type = F_UNLCK;
  all.l_whence = SEEK_SET;
  ::fcntl(file->get(), F_OFD_SETLK, &all);
}

}  // namespace fcvm::fusepipe
