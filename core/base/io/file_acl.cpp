// See file_acl.hpp. What libacl does more of: see acl(5) for what the entries mean.
#include "core/base/io/file_acl.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <utility>
#include <vector>

namespace fcvm::base {

namespace {

static_assert(std::endian::native == std::endian::little, "an ACL's numbers are in that order");

constexpr const char* kAttribute = "system.posix_acl_access";

using Entry = posix_acl_xattr_entry;
using Acl = std::vector<Entry>;

Entry entry(int tag, unsigned rights, std::uint32_t id = static_cast<std::uint32_t>(-1)) {
  return {static_cast<std::uint16_t>(tag), static_cast<std::uint16_t>(rights & 7), id};
}

/// As every file has one that was given none.
Result<Acl> acl_of_mode(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return fail_errno("looking at its mode");
  return Acl{entry(ACL_USER_OBJ, status.st_mode >> 6), entry(ACL_GROUP_OBJ, status.st_mode >> 3),
             entry(ACL_OTHER, status.st_mode)};
}

Result<Acl> read_acl(int file, const std::string& path) {
  std::vector<char> bytes(64 * 1024);
  const ssize_t size = ::getxattr(path.c_str(), kAttribute, bytes.data(), bytes.size());
  if (size < 0 && errno == ENODATA) return acl_of_mode(file);
  if (size < 0) return fail_errno("reading its ACL");
  if (static_cast<std::size_t>(size) < sizeof(posix_acl_xattr_header)) {
    return fail(EPROTO, "reading its ACL: it was cut");
  }
  Acl acl((static_cast<std::size_t>(size) - sizeof(posix_acl_xattr_header)) / sizeof(Entry));
  std::memcpy(acl.data(), bytes.data() + sizeof(posix_acl_xattr_header),
              acl.size() * sizeof(Entry));
  return acl;
}

Result<void> write_acl(const std::string& path, Acl acl) {
  // The kernel wants them in the order of their tags.
  std::stable_sort(acl.begin(), acl.end(),
                   [](const Entry& a, const Entry& b) { return a.e_tag < b.e_tag; });
  const posix_acl_xattr_header header{POSIX_ACL_XATTR_VERSION};
  std::vector<char> bytes(sizeof header + acl.size() * sizeof(Entry));
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, acl.data(), acl.size() * sizeof(Entry));
  if (::setxattr(path.c_str(), kAttribute, bytes.data(), bytes.size(), 0) == 0) return {};
  return fail_errno("writing its ACL");
}

Acl::iterator find(Acl& acl, int tag) {
  return std::find_if(acl.begin(), acl.end(), [&](const Entry& e) { return e.e_tag == tag; });
}

/// The mask is what groups, and users that are named, have at most. Where it has to become wider,
/// what it kept from them is taken from their own entries, so that nobody gets more.
void let_mask_read(Acl& acl) {
  const auto mask = find(acl, ACL_MASK);
  if (mask == acl.end()) {
    const auto group = find(acl, ACL_GROUP_OBJ);
    acl.push_back(entry(ACL_MASK, (group == acl.end() ? 0U : group->e_perm) | ACL_READ));
    return;
  }
  if ((mask->e_perm & ACL_READ) != 0) return;
  for (Entry& masked : acl) {
    const bool kept = masked.e_tag == ACL_USER_OBJ || masked.e_tag == ACL_OTHER;
    if (!kept) masked.e_perm &= mask->e_perm;
  }
  mask->e_perm |= ACL_READ;
}

}  // namespace

Result<void> let_group_read(int file, gid_t group) {
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  Acl acl = FCVM_TRY(read_acl(file, path));
  let_mask_read(acl);
  const auto ours = std::find_if(acl.begin(), acl.end(), [&](const Entry& e) {
    return e.e_tag == ACL_GROUP && e.e_id == group;
  });
  if (ours != acl.end() && (ours->e_perm & ACL_READ) != 0) return {};
  if (ours != acl.end()) acl.erase(ours);
  acl.push_back(entry(ACL_GROUP, ACL_READ, group));
  return write_acl(path, std::move(acl));
}

}  // namespace fcvm::base
