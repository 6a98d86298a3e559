// What a file's bytes are beyond reading and writing: holes, space, copies, flags of the file
// system.
#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fusepipe/server/operations/operations.hpp"

namespace fcvm::fusepipe::operation {

namespace {

/// So that one copy does not keep its queue for long; the caller asks for the rest.
constexpr std::uint64_t kMostCopied = 16 << 20;

/// The commands that are served: what the argument is, and whether it changes the file.
struct Command {
  std::uint32_t number;
  std::size_t size;
  bool takes;  // the argument, rather than giving it
};
// The first two are declared with "long" and have an int.
constexpr std::array<Command, 4> kCommands = {{
    {static_cast<std::uint32_t>(FS_IOC_GETFLAGS), sizeof(int), false},
    {static_cast<std::uint32_t>(FS_IOC_SETFLAGS), sizeof(int), true},
    {static_cast<std::uint32_t>(FS_IOC_FSGETXATTR), sizeof(fsxattr), false},
    {static_cast<std::uint32_t>(FS_IOC_FSSETXATTR), sizeof(fsxattr), true},
}};

const Command* find_command(std::uint32_t number) {
  for (const Command& command : kCommands) {
    if (command.number == number) return &command;
  }
  return nullptr;
}

}  // namespace

int lseek(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_lseek_in>();
  if (!in || (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)) return EINVAL;
  const auto handle = mount.handles.find(in->fh, request.header.nodeid);
  if (!handle) return ESTALE;
  const off_t found =
      ::lseek(handle->fd.get(), static_cast<off_t>(in->offset), static_cast<int>(in->whence));
  if (found < 0) return errno;
  reply.add(fuse_lseek_out{static_cast<std::uint64_t>(found)});
  return 0;
}

int fallocate(Mount& mount, Request& request, Reply& /*reply*/) {
  constexpr std::uint32_t kKnown =
      FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
  const auto in = request.arguments.take<fuse_fallocate_in>();
  if (!in) return EINVAL;
  if ((in->mode & ~kKnown) != 0) return EOPNOTSUPP;
  const auto handle = mount.handles.find(in->fh, request.header.nodeid);
  if (!handle) return ESTALE;
  return ::fallocate(handle->fd.get(), static_cast<int>(in->mode), static_cast<off_t>(in->offset),
                     static_cast<off_t>(in->length)) == 0
             ? 0
             : errno;
}

int copy_file_range(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_copy_file_range_in>();
  if (!in || in->flags != 0) return EINVAL;
  const auto from = mount.handles.find(in->fh_in, request.header.nodeid);
  const auto to = mount.handles.find(in->fh_out, in->nodeid_out);
  if (!from || !to) return ESTALE;
  auto source = static_cast<off_t>(in->off_in);
  auto target = static_cast<off_t>(in->off_out);
  const ssize_t copied = ::copy_file_range(from->fd.get(), &source, to->fd.get(), &target,
                                           std::min(in->len, kMostCopied), 0);
  if (copied < 0) return errno;
  fuse_write_out out{};
  out.size = static_cast<std::uint32_t>(copied);
  reply.add(out);
  return 0;
}

int ioctl(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_ioctl_in>();
  if (!in) return EINVAL;
  const Command* command = find_command(in->cmd);
  if (command == nullptr || (in->flags & FUSE_IOCTL_UNRESTRICTED) != 0) return ENOTTY;
  if (command->takes && mount.directory.options().read_only) return EROFS;
  const auto handle = mount.handles.find(in->fh, request.header.nodeid);
  if (!handle) return ESTALE;
  // As large as what the kernel may write into it, whichever command it is.
  alignas(fsxattr) std::array<std::byte, sizeof(fsxattr)> argument{};
  if (command->takes) {
    const auto bytes = request.arguments.rest();
    if (bytes.size() < command->size) return EINVAL;
    std::copy_n(bytes.begin(), command->size, argument.begin());
  } else if (in->out_size < command->size) {
    return EINVAL;
  }
  if (::ioctl(handle->fd.get(), in->cmd, argument.data()) < 0) return errno;
  reply.add(fuse_ioctl_out{});
  // What was declared with "long" may be asked for with its size.
  if (!command->takes) {
    reply.add(std::span<const std::byte>(argument).first(
        std::min<std::size_t>(in->out_size, argument.size())));
  }
  return 0;
}

}  // namespace fcvm::fusepipe::operation
