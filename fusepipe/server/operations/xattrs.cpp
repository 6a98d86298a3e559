// Extended attributes, ACLs among them.
#include <algorithm>
#include <cerrno>
#include <sys/xattr.h>

#include "fusepipe/server/caller.hpp"
#include "fusepipe/server/operations/operations.hpp"

namespace fcvm::fusepipe::operation {

namespace {

constexpr std::size_t kLargestValue = 64 << 10;  // the kernel's own limit

/// Answers with the size alone when that is what was asked for, else with what `get` puts there.
template <typename Get>
int answer_sized(Reply& reply, std::uint32_t wanted, Get get) {
  if (wanted == 0) {
    const ssize_t size = get(nullptr, 0);
    if (size < 0) return errno;
    fuse_getxattr_out out{};
    out.size = static_cast<std::uint32_t>(size);
    reply.add(out);
    return 0;
  }
  const auto space = reply.space(std::min<std::size_t>(wanted, kLargestValue));
  const ssize_t size = get(space.data(), space.size());
  if (size < 0) return errno;
  reply.used(static_cast<std::size_t>(size));
  return 0;
}

}  // namespace

int setxattr(Mount& mount, Request& request, Reply& /*reply*/) {
  const auto in = request.arguments.take<fuse_setxattr_in>();
  const auto name = in ? request.arguments.text() : std::nullopt;
  if (!name || in->size > request.arguments.rest().size()) return EINVAL;
  Node node;
  if (const int error = mount.inodes.find(request.header.nodeid, node)) return error;
  const auto value = request.arguments.rest().first(in->size);
  const WithoutSetIdRight dropped((in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID) != 0);
  return ::setxattr(Directory::path_of(node).c_str(), name->c_str(), value.data(), value.size(),
                    static_cast<int>(in->flags)) == 0
             ? 0
             : errno;
}

int getxattr(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_getxattr_in>();
  const auto name = in ? request.arguments.text() : std::nullopt;
  if (!name) return EINVAL;
  Node node;
  if (const int error = mount.inodes.find(request.header.nodeid, node)) return error;
  const std::string path = Directory::path_of(node);
  return answer_sized(reply, in->size, [&](void* into, std::size_t size) {
    return ::getxattr(path.c_str(), name->c_str(), into, size);
  });
}

int listxattr(Mount& mount, Request& request, Reply& reply) {
  const auto in = request.arguments.take<fuse_getxattr_in>();
  if (!in) return EINVAL;
  Node node;
  if (const int error = mount.inodes.find(request.header.nodeid, node)) return error;
  const std::string path = Directory::path_of(node);
  return answer_sized(reply, in->size, [&](void* into, std::size_t size) {
    return ::listxattr(path.c_str(), static_cast<char*>(into), size);
  });
}

int removexattr(Mount& mount, Request& request, Reply& /*reply*/) {
  const auto name = request.arguments.text();
  if (!name) return EINVAL;
  Node node;
  if (const int error = mount.inodes.find(request.header.nodeid, node)) return error;
  return ::removexattr(Directory::path_of(node).c_str(), name->c_str()) == 0 ? 0 : errno;
}

}  // namespace fcvm::fusepipe::operation
