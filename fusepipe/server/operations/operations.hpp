// The kernel's operations, in a file for each group of them. Each returns 0, with its answer in the
// reply, or an errno.
#pragma once

#include "fusepipe/server/message.hpp"
#include "fusepipe/server/mount.hpp"

namespace fcvm::fusepipe {

using Operation = int (*)(Mount&, Request&, Reply&);

struct OperationEntry {
  Operation run = nullptr;
  bool changes = false;  // EROFS on a mount for reading
};

/// `run` is null for what is not served: ENOSYS.
[[nodiscard]] OperationEntry find_operation(std::uint32_t opcode);

namespace operation {

// names.cpp
int lookup(Mount&, Request&, Reply&);
int forget(Mount&, Request&, Reply&);
int batch_forget(Mount&, Request&, Reply&);
int unlink(Mount&, Request&, Reply&);
int rmdir(Mount&, Request&, Reply&);
int rename(Mount&, Request&, Reply&);
int rename2(Mount&, Request&, Reply&);
int link(Mount&, Request&, Reply&);
int readlink(Mount&, Request&, Reply&);

// creation.cpp
int mknod(Mount&, Request&, Reply&);
int mkdir(Mount&, Request&, Reply&);
int symlink(Mount&, Request&, Reply&);
int create(Mount&, Request&, Reply&);
int tmpfile(Mount&, Request&, Reply&);

// attributes.cpp
int getattr(Mount&, Request&, Reply&);
int setattr(Mount&, Request&, Reply&);
int statfs(Mount&, Request&, Reply&);

// files.cpp
int open(Mount&, Request&, Reply&);
int read(Mount&, Request&, Reply&);
int write(Mount&, Request&, Reply&);
int flush(Mount&, Request&, Reply&);
int release(Mount&, Request&, Reply&);
int fsync(Mount&, Request&, Reply&);

// contents.cpp
int lseek(Mount&, Request&, Reply&);
int fallocate(Mount&, Request&, Reply&);
int copy_file_range(Mount&, Request&, Reply&);
int ioctl(Mount&, Request&, Reply&);

// directories.cpp
int opendir(Mount&, Request&, Reply&);
int readdir(Mount&, Request&, Reply&);
int readdirplus(Mount&, Request&, Reply&);
int releasedir(Mount&, Request&, Reply&);
int fsyncdir(Mount&, Request&, Reply&);

// xattrs.cpp
int setxattr(Mount&, Request&, Reply&);
int getxattr(Mount&, Request&, Reply&);
int listxattr(Mount&, Request&, Reply&);
int removexattr(Mount&, Request&, Reply&);

// locks.cpp
int getlk(Mount&, Request&, Reply&);
int setlk(Mount&, Request&, Reply&);
int setlkw(Mount&, Request&, Reply&);

}  // namespace operation

// files.cpp, for creation.cpp
[[nodiscard]] int open_flags(const Directory& directory, std::uint32_t wanted);
/// Adds the open file to the reply, or gives an errno.
int add_handle(Mount& mount, Reply& reply, Node node, base::Fd fd, int flags);

}  // namespace fcvm::fusepipe
