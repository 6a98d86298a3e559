// Each operation, through the mount and on the directory itself: results, errors, modes, owners,
// links, times and contents are the same.
#include <cerrno>
#include <climits>
#include <cstdio>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/contract/fusepipe/served.hpp"
#include "tests/contract/fusepipe/witness.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"
#include "tests/support/skip.hpp"

using namespace fcvm;
using fcvm::test::AsUser;
using fcvm::test::Served;
using fcvm::test::Witness;

namespace {

int make_file(const Witness& w, const std::string& name, const std::string& text,
              mode_t mode = 0644) {
  const base::Fd fd(::open(w.path(name).c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode));
  return fd && base::write_all(fd.get(), text) ? 0 : -1;
}

base::Fd open_at(const Witness& w, const std::string& name, int flags, mode_t mode = 0644) {
  return base::Fd(::open(w.path(name).c_str(), flags | O_CLOEXEC, mode));
}

void names(Witness& w) {
  const auto p = [&w](const std::string& name) { return w.path(name); };
  w.call("mkdir", [&] { return ::mkdir(p("d").c_str(), 0750); });
  w.call("mkdir again", [&] { return ::mkdir(p("d").c_str(), 0750); });
  w.call("mkdir below nothing", [&] { return ::mkdir(p("no/d").c_str(), 0750); });
  w.call("create", [&] { return make_file(w, "d/f", "one"); });
  w.call("create below a file", [&] { return make_file(w, "d/f/g", "one"); });
  w.call("name of 255", [&] { return make_file(w, std::string(255, 'n'), "long"); });
  w.call("name of 256", [&] { return make_file(w, std::string(256, 'n'), "long"); });
  w.call("link", [&] { return ::link(p("d/f").c_str(), p("d/hard").c_str()); });
  w.call("link again", [&] { return ::link(p("d/f").c_str(), p("d/hard").c_str()); });
  w.call("link of a directory", [&] { return ::link(p("d").c_str(), p("e").c_str()); });
  w.look("d/f");
  w.call("symlink", [&] { return ::symlink("d/f", p("s").c_str()); });
  w.call("symlink out", [&] { return ::symlink("/etc/../nowhere", p("out").c_str()); });
  w.call("link of a symlink", [&] { return ::link(p("s").c_str(), p("s2").c_str()); });
  w.look("s");
  w.look("s2");
  w.look("out");
  w.call("open a loop", [&] {
    ::symlink("loop", p("loop").c_str());
    return ::open(p("loop").c_str(), O_RDONLY | O_CLOEXEC);
  });
  w.call("O_NOFOLLOW", [&] { return ::open(p("s").c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC); });
  w.call("fifo", [&] { return ::mkfifo(p("fifo").c_str(), 0600); });
  w.call("socket", [&] { return ::mknod(p("sock").c_str(), S_IFSOCK | 0600, 0); });
  w.call("device", [&] { return ::mknod(p("dev").c_str(), S_IFCHR | 0600, makedev(300, 70000)); });
  w.look("fifo");
  w.look("sock");
  w.look("dev");
  w.call("rmdir of a full one", [&] { return ::rmdir(p("d").c_str()); });
  w.call("rmdir of a file", [&] { return ::rmdir(p("d/f").c_str()); });
  w.call("unlink of a directory", [&] { return ::unlink(p("d").c_str()); });
  w.call("unlink of nothing", [&] { return ::unlink(p("nothing").c_str()); });
  w.call("rename", [&] { return ::rename(p("d/f").c_str(), p("f2").c_str()); });
  w.call("rename onto", [&] {
    make_file(w, "f3", "three");
    return ::rename(p("f2").c_str(), p("f3").c_str());
  });
  w.look("f3");
  w.call("rename of a directory below itself",
         [&] { return ::rename(p("d").c_str(), p("d/e").c_str()); });
  w.call("rename onto a full directory", [&] {
    ::mkdir(p("e").c_str(), 0755);
    return ::rename(p("e").c_str(), p("d").c_str());
  });
  w.call("rename NOREPLACE", [&] {
    return ::renameat2(AT_FDCWD, p("f3").c_str(), AT_FDCWD, p("d/hard").c_str(), RENAME_NOREPLACE);
  });
  make_file(w, "x", "x");
  w.call("rename EXCHANGE", [&] {
    return ::renameat2(AT_FDCWD, p("x").c_str(), AT_FDCWD, p("e").c_str(), RENAME_EXCHANGE);
  });
  w.look("x");
  w.look("e");
  w.call("rename WHITEOUT", [&] {
    return ::renameat2(AT_FDCWD, p("e").c_str(), AT_FDCWD, p("gone").c_str(), RENAME_WHITEOUT);
  });
  w.look("e");
  w.call("unlink of an open one", [&] {
    const base::Fd fd = open_at(w, "gone", O_RDWR);
    ::unlink(p("gone").c_str());
    base::write_all(fd.get(), "still here").value();
    struct stat status {};
    ::fstat(fd.get(), &status);
    return static_cast<long>(status.st_nlink * 1000) + status.st_size;
  });
}

void attributes(Witness& w) {
  const auto p = [&w](const std::string& name) { return w.path(name); };
  make_file(w, "f", "hello");
  ::mkdir(p("d").c_str(), 0755);
  w.call("chmod", [&] { return ::chmod(p("f").c_str(), 04711); });
  w.look("f");
  w.call("chown takes set-id away", [&] { return ::chown(p("f").c_str(), 1234, 4321); });
  w.look("f");
  ::symlink("f", p("s").c_str());
  w.call("lchown", [&] { return ::lchown(p("s").c_str(), 5, 6); });
  w.look("s");
  w.look("f");
  w.call("truncate", [&] { return ::truncate(p("f").c_str(), 2); });
  w.look("f");
  w.call("truncate longer", [&] { return ::truncate(p("f").c_str(), 10); });
  w.look("f");
  w.call("truncate of a directory", [&] { return ::truncate(p("d").c_str(), 2); });
  w.call("truncate below zero", [&] { return ::truncate(p("f").c_str(), -1); });
  w.call("utimensat", [&] {
    const timespec times[2] = {{12345, 678}, {98765, 432}};
    ::utimensat(AT_FDCWD, p("f").c_str(), times, 0);
    struct stat status {};
    ::stat(p("f").c_str(), &status);
    return status.st_atim.tv_sec * 1000 + status.st_atim.tv_nsec +
           (status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec) * 7;
  });
  w.call("utimensat of a symlink", [&] {
    const timespec times[2] = {{-5, 1}, {0, UTIME_OMIT}};
    ::utimensat(AT_FDCWD, p("s").c_str(), times, AT_SYMLINK_NOFOLLOW);
    struct stat status {};
    ::lstat(p("s").c_str(), &status);
    return status.st_atim.tv_sec + 100;
  });
  w.times("f", [&] { make_file(w, "f", "new"); });
  w.times("f", [&] { ::chmod(p("f").c_str(), 0600); });
  w.times("d", [&] { make_file(w, "d/g", ""); });
  w.times("d", [&] { ::rename(p("d/g").c_str(), p("d/h").c_str()); });
  w.times("d", [&] { ::unlink(p("d/h").c_str()); });
  w.times("d", [&] { ::mkdir(p("d/i").c_str(), 0700); });
  w.look("d");
  w.call("statvfs", [&] {
    struct statvfs status {};
    ::statvfs(p("d").c_str(), &status);
    return static_cast<long>(status.f_namemax * 10000 + status.f_frsize);
  });
}

void contents(Witness& w) {
  base::Fd fd = open_at(w, "f", O_CREAT | O_EXCL | O_RDWR);
  w.call("O_EXCL again",
         [&] { return ::open(w.path("f").c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC); });
  char buffer[64] = {};
  w.call("pwrite", [&] { return ::pwrite(fd.get(), "abcdef", 6, 100000); });
  w.call("pread in a hole", [&] { return ::pread(fd.get(), buffer, 10, 50); });
  w.call("pread at the end", [&] { return ::pread(fd.get(), buffer, 10, 100003); });
  w.call("pread behind it", [&] { return ::pread(fd.get(), buffer, 10, 200000); });
  // A kernel that writes back later asks the server for holes without writing before.
  w.call("fsync", [&] { return ::fsync(fd.get()); });
  w.call("SEEK_DATA behind", [&] { return ::lseek(fd.get(), 200000, SEEK_DATA); });
  w.call("SEEK_DATA", [&] { return ::lseek(fd.get(), 0, SEEK_DATA); });
  w.call("SEEK_HOLE", [&] { return ::lseek(fd.get(), 0, SEEK_HOLE); });
  w.call("fallocate", [&] { return ::fallocate(fd.get(), 0, 0, 200000); });
  w.look("f");
  w.call("KEEP_SIZE", [&] { return ::fallocate(fd.get(), FALLOC_FL_KEEP_SIZE, 0, 300000); });
  w.call("PUNCH_HOLE", [&] {
    return ::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 98304, 4096);
  });
  w.call("ZERO_RANGE", [&] { return ::fallocate(fd.get(), FALLOC_FL_ZERO_RANGE, 8192, 4096); });
  w.look("f");
  w.call("ftruncate", [&] { return ::ftruncate(fd.get(), 3); });
  w.call("fdatasync", [&] { return ::fdatasync(fd.get()); });
  w.look("f");
  make_file(w, "append", "one");
  w.call("O_APPEND", [&] {
    const base::Fd more = open_at(w, "append", O_WRONLY | O_APPEND);
    return ::write(more.get(), "two", 3);
  });
  w.look("append");
  w.call("O_TRUNC", [&] { return open_at(w, "append", O_WRONLY | O_TRUNC).valid() ? 0 : -1; });
  w.look("append");
  w.call("mmap", [&] {
    const base::Fd file = open_at(w, "mapped", O_CREAT | O_RDWR);
    ::ftruncate(file.get(), 5000);
    auto* memory = static_cast<char*>(
        ::mmap(nullptr, 5000, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0));
    if (memory == MAP_FAILED) return -1L;
    memory[4999] = 'z';
    ::msync(memory, 5000, MS_SYNC);
    char letter = 0;
    ::pread(file.get(), &letter, 1, 4999);
    ::munmap(memory, 5000);
    return static_cast<long>(letter);
  });
  make_file(w, "from", "copy me");
  w.call("copy_file_range", [&] {
    const base::Fd from = open_at(w, "from", O_RDONLY);
    const base::Fd to = open_at(w, "to", O_CREAT | O_WRONLY);
    off64_t source = 2;
    off64_t target = 1;
    return ::copy_file_range(from.get(), &source, to.get(), &target, 100, 0);
  });
  w.look("to");
  w.call("write to one for reading", [&] {
    const base::Fd file = open_at(w, "from", O_RDONLY);
    return ::write(file.get(), "x", 1);
  });
  w.call("read of a directory", [&] {
    const base::Fd file = open_at(w, ".", O_RDONLY);
    return ::read(file.get(), buffer, 1);
  });
  w.call("O_TMPFILE", [&] {
    const base::Fd file = open_at(w, ".", O_TMPFILE | O_RDWR, 0640);
    if (!file || ::write(file.get(), "temporary", 9) != 9) return -1;
    return ::linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(file.get())).c_str(), AT_FDCWD,
                    w.path("kept").c_str(), AT_SYMLINK_FOLLOW);
  });
  w.look("kept");
  w.call("GETFLAGS", [&] {
    int flags = 0;
    const int done = ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags);
    return done < 0 ? done : flags & (FS_APPEND_FL | FS_NOATIME_FL);
  });
  w.call("SETFLAGS", [&] {
    int flags = 0;
    ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags);
    flags |= FS_NOATIME_FL;
    if (::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) != 0) return -1;
    ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags);
    return flags & FS_NOATIME_FL;
  });
  w.call("an ioctl that files have not", [&] {
    int value = 0;
    return ::ioctl(fd.get(), TIOCGWINSZ, &value);
  });
}

void extended(Witness& w) {
  make_file(w, "f", "");
  const std::string f = w.path("f");
  char value[256] = {};
  w.call("getxattr of none", [&] { return ::getxattr(f.c_str(), "user.none", value, 10); });
  w.call("setxattr", [&] { return ::setxattr(f.c_str(), "user.a", "value", 5, 0); });
  w.call("setxattr CREATE", [&] { return ::setxattr(f.c_str(), "user.a", "v", 1, XATTR_CREATE); });
  w.call("setxattr REPLACE",
         [&] { return ::setxattr(f.c_str(), "user.b", "v", 1, XATTR_REPLACE); });
  w.call("its size", [&] { return ::getxattr(f.c_str(), "user.a", nullptr, 0); });
  w.call("too small", [&] { return ::getxattr(f.c_str(), "user.a", value, 2); });
  w.call("getxattr", [&] { return ::getxattr(f.c_str(), "user.a", value, sizeof value); });
  w.note(value);
  w.call("listxattr", [&] { return ::listxattr(f.c_str(), value, sizeof value); });
  w.note(value);
  w.call("removexattr", [&] { return ::removexattr(f.c_str(), "user.a"); });
  w.call("removexattr again", [&] { return ::removexattr(f.c_str(), "user.a"); });
  w.call("of a family that is not", [&] { return ::setxattr(f.c_str(), "wrong.a", "v", 1, 0); });
  ::symlink("f", w.path("s").c_str());
  w.call("of a symlink", [&] { return ::lsetxattr(w.path("s").c_str(), "user.a", "v", 1, 0); });
  // user::rwx user:7:r-x group::r-x mask::r-x other::---
  const std::uint8_t acl[] = {2,    0,    0,    0,    1,    0,    7,    0,    0xff, 0xff, 0xff,
                              0xff, 2,    0,    5,    0,    7,    0,    0,    0,    4,    0,
                              5,    0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,    5,    0,    0xff,
                              0xff, 0xff, 0xff, 0x20, 0,    0,    0,    0xff, 0xff, 0xff, 0xff};
  ::mkdir(w.path("d").c_str(), 0755);
  w.call("a default ACL", [&] {
    return ::setxattr(w.path("d").c_str(), "system.posix_acl_default", acl, sizeof acl, 0);
  });
  ::umask(077);
  make_file(w, "d/by-acl", "", 0666);
  ::mkdir(w.path("d/sub").c_str(), 0777);
  make_file(w, "by-umask", "", 0666);
  ::umask(022);
  w.look("d/by-acl");
  w.look("d/sub");
  w.look("by-umask");
  w.call("inherited", [&] {
    return ::getxattr(w.path("d/sub").c_str(), "system.posix_acl_default", value, sizeof value);
  });
}

void as_users(Witness& w) {
  const auto p = [&w](const std::string& name) { return w.path(name); };
  ::mkdir(p("open").c_str(), 0777);
  ::chmod(p("open").c_str(), 01777);
  ::mkdir(p("group").c_str(), 0770);
  ::chown(p("group").c_str(), 0, 2000);
  ::chmod(p("group").c_str(), 02770);
  make_file(w, "roots", "secret", 0600);
  make_file(w, "set-id", "x", 0644);
  ::chmod(p("set-id").c_str(), 06777);
  {
    const AsUser user(1000, 1001);
    w.call("create", [&] { return make_file(w, "open/f", "mine"); });
    w.call("mkdir", [&] { return ::mkdir(p("open/d").c_str(), 0755); });
    w.call("symlink", [&] { return ::symlink("x", p("open/s").c_str()); });
    w.call("fifo", [&] { return ::mkfifo(p("open/fifo").c_str(), 0644); });
    w.call("device", [&] { return ::mknod(p("open/dev").c_str(), S_IFCHR | 0600, makedev(1, 3)); });
    w.call("create where it may not", [&] { return make_file(w, "mine", ""); });
    w.call("in a group's", [&] { return make_file(w, "group/f", ""); });
    w.call("read root's", [&] { return ::open(p("roots").c_str(), O_RDONLY | O_CLOEXEC); });
    w.call("chown", [&] { return ::chown(p("open/f").c_str(), 0, 0); });
    w.call("chmod root's", [&] { return ::chmod(p("roots").c_str(), 0666); });
    w.call("write takes set-id away", [&] {
      const base::Fd fd = open_at(w, "set-id", O_WRONLY);
      return ::write(fd.get(), "y", 1);
    });
  }
  for (const char* name : {"open/f", "open/d", "open/s", "open/fifo", "set-id"}) w.look(name);
  {
    const AsUser member(1000, 1001, {2000});
    w.call("in a group's, as its member", [&] { return make_file(w, "group/f", "", 02775); });
    w.call("mkdir there", [&] { return ::mkdir(p("group/d").c_str(), 0755); });
  }
  w.look("group/f");
  w.look("group/d");
  {
    const AsUser other(3000, 3000);
    w.call("unlink another's in a sticky directory", [&] { return ::unlink(p("open/f").c_str()); });
    w.call("rename another's there",
           [&] { return ::rename(p("open/f").c_str(), p("open/g").c_str()); });
  }
  ::chmod(p("set-id").c_str(), 06777);
  w.call("root's write leaves set-id", [&] {
    const base::Fd fd = open_at(w, "set-id", O_WRONLY);
    return ::write(fd.get(), "y", 1);
  });
  w.look("set-id");
}

void compare(const std::vector<std::string>& serve_options) {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  ::umask(022);
  Served served(serve_options);
  const struct {
    const char* name;
    void (*run)(Witness&);
  } groups[] = {{"names", names},
                {"attributes", attributes},
                {"contents", contents},
                {"extended attributes", extended},
                {"users", as_users}};
  for (const auto& group : groups) {
    INFO(group.name);
    Witness native(served.host("native"));
    Witness mounted(served.mounted("through"));
    REQUIRE(::mkdir(served.host("native").c_str(), 0755) == 0);
    REQUIRE(::mkdir(served.host("through").c_str(), 0755) == 0);
    group.run(native);
    group.run(mounted);
    for (std::size_t i = 0; i < native.notes().size(); ++i) {
      CHECK(mounted.notes().at(i) == native.notes()[i]);
    }
    REQUIRE(::rename(served.host("native").c_str(), served.host(group.name).c_str()) == 0);
    REQUIRE(::rename(served.mounted("through").c_str(),
                     served.mounted(std::string(group.name) + "2").c_str()) == 0);
  }
}

}  // namespace

TEST_CASE("each operation does through the mount what it does to the directory") { compare({}); }

TEST_CASE("each operation does the same where nothing is cached") { compare({"--cache=none"}); }

TEST_CASE("each operation does the same where all is cached") { compare({"--cache=always"}); }
