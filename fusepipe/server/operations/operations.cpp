// See operations.hpp.
#include "fusepipe/server/operations/operations.hpp"

namespace fcvm::fusepipe {

OperationEntry find_operation(std::uint32_t opcode) {
  switch (opcode) {
    case FUSE_LOOKUP:
      return {operation::lookup};
    case FUSE_FORGET:
      return {operation::forget};
    case FUSE_BATCH_FORGET:
      return {operation::batch_forget};
    case FUSE_GETATTR:
      return {operation::getattr};
    case FUSE_SETATTR:
      return {operation::setattr, true};
    case FUSE_READLINK:
      return {operation::readlink};
    case FUSE_SYMLINK:
      return {operation::symlink, true};
    case FUSE_MKNOD:
      return {operation::mknod, true};
    case FUSE_MKDIR:
      return {operation::mkdir, true};
    case FUSE_UNLINK:
      return {operation::unlink, true};
    case FUSE_RMDIR:
      return {operation::rmdir, true};
    case FUSE_RENAME:
      return {operation::rename, true};
    case FUSE_RENAME2:
      return {operation::rename2, true};
    case FUSE_LINK:
      return {operation::link, true};
    case FUSE_OPEN:
      return {operation::open};  // which looks at the flags itself
    case FUSE_CREATE:
      return {operation::create, true};
    case FUSE_TMPFILE:
      return {operation::tmpfile, true};
    case FUSE_READ:
      return {operation::read};
    case FUSE_WRITE:
      return {operation::write, true};
    case FUSE_FLUSH:
      return {operation::flush};
    case FUSE_RELEASE:
      return {operation::release};
    case FUSE_FSYNC:
      return {operation::fsync};
    case FUSE_LSEEK:
      return {operation::lseek};
    case FUSE_FALLOCATE:
      return {operation::fallocate, true};
    case FUSE_COPY_FILE_RANGE:
      return {operation::copy_file_range, true};
    case FUSE_IOCTL:
      return {operation::ioctl};  // which looks at the command itself
    case FUSE_OPENDIR:
      return {operation::opendir};
    case FUSE_READDIR:
      return {operation::readdir};
    case FUSE_READDIRPLUS:
      return {operation::readdirplus};
    case FUSE_RELEASEDIR:
      return {operation::releasedir};
    case FUSE_FSYNCDIR:
      return {operation::fsyncdir};
    case FUSE_STATFS:
      return {operation::statfs};
    case FUSE_SETXATTR:
      return {operation::setxattr, true};
    case FUSE_GETXATTR:
      return {operation::getxattr};
    case FUSE_LISTXATTR:
      return {operation::listxattr};
    case FUSE_REMOVEXATTR:
      return {operation::removexattr, true};
    case FUSE_GETLK:
      return {operation::getlk};
    case FUSE_SETLK:
      return {operation::setlk};
    case FUSE_SETLKW:
      return {operation::setlkw};
    // ACCESS: the kernel checks permissions itself (default_permissions), and asks no more once
    // told so. POLL: likewise, files are always ready. BMAP, SYNCFS, STATX: the kernel does
    // without.
    default:
      return {};
  }
}

}  // namespace fcvm::fusepipe
