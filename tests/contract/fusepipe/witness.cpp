// See witness.hpp.
#include "tests/contract/fusepipe/witness.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace fcvm::test {

namespace {

constexpr time_t kLongAgo = 1'000'000'000;

std::string octal(unsigned value) {
  std::ostringstream text;
  text << std::oct << value;
  return text.str();
}

}  // namespace

void Witness::call(const std::string& what, const std::function<long()>& done) {
  errno = 0;
  const long result = done();
  const int error = errno;
  note(what + " = " + (result < 0 ? strerrorname_np(error) : std::to_string(result)));
}

void Witness::look(const std::string& name) {
  struct stat status {};
  if (::lstat(path(name).c_str(), &status) != 0) {
    note(name + ": " + strerrorname_np(errno));
    return;
  }
  std::ostringstream line;
  line << name << ": mode " << octal(status.st_mode) << " links " << status.st_nlink << " owner "
       << status.st_uid << ":" << status.st_gid;
  if (!S_ISDIR(status.st_mode)) line << " size " << status.st_size << " rdev " << status.st_rdev;
  if (S_ISLNK(status.st_mode)) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlink(path(name).c_str(), target.data(), target.size());
    line << " -> " << (size < 0 ? "?" : std::string(target.data(), static_cast<std::size_t>(size)));
  }
  if (S_ISREG(status.st_mode) && status.st_size < 100) {
    std::ifstream file(path(name));
    line << " holds " << std::string(std::istreambuf_iterator<char>(file), {});
  }
  note(line.str());
}

void Witness::times(const std::string& name, const std::function<void()>& done) {
  const std::array<timespec, 2> then = {timespec{kLongAgo, 0}, timespec{kLongAgo, 0}};
  ::utimensat(AT_FDCWD, path(name).c_str(), then.data(), AT_SYMLINK_NOFOLLOW);
  done();
  struct stat status {};
  ::lstat(path(name).c_str(), &status);
  note(name + " changed:" + (status.st_atim.tv_sec != kLongAgo ? " atime" : "") +
       (status.st_mtim.tv_sec != kLongAgo ? " mtime" : ""));
}

AsUser::AsUser(uid_t user, gid_t group, const std::vector<gid_t>& groups) {
  ::setgroups(groups.size(), groups.data());
  ::setegid(group);
  ::seteuid(user);
}

AsUser::~AsUser() {
  ::seteuid(0);
  ::setegid(0);
  ::setgroups(0, nullptr);
}

}  // namespace fcvm::test
