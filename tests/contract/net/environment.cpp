// See environment.hpp.
#include "tests/contract/net/environment.hpp"

#include <cstdio>
#include <cstdlib>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/net/rtnetlink.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::test {

namespace {

constexpr uid_t kNobody = 65534;

Result<void> write_to(const std::string& path, const std::string& text) {
  const auto file = FCVM_TRY(base::open_file(path, O_WRONLY));
  return base::write_all(file.get(), text);
}

Result<void> enter_namespaces() {
  const int own = CLONE_NEWNET | CLONE_NEWNS;
  if (::unshare(own) == 0) return {};
  const std::string uid = std::to_string(::geteuid());
  const std::string gid = std::to_string(::getegid());
  if (::unshare(CLONE_NEWUSER | own) != 0) return fail_errno("making namespaces");
  FCVM_TRY(write_to("/proc/self/setgroups", "deny"));
  FCVM_TRY(write_to("/proc/self/uid_map", "0 " + uid + " 1"));
  return write_to("/proc/self/gid_map", "0 " + gid + " 1");
}

Result<void> cover(const std::string& from, const std::string& what) {
  // resolv.conf is often a symlink, into a directory that may not be there.
  char* real = ::realpath(what.c_str(), nullptr);
  const std::string target = real == nullptr ? what : real;
  std::free(real);
  if (::mount(from.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) == 0) return {};
  return fail_errno("mounting over " + what);
}

base::LinkChange up() {
  base::LinkChange change;
  change.up = true;
  return change;
}

Result<void> set_up(base::Rtnetlink& kernel, const char* link, const char* v4, const char* v6) {
  const unsigned index = FCVM_TRY(kernel.link(link)).index;
  base::NetworkChange change;
  change.set_link(1, "lo", up());
  change.set_link(index, link, up());
  change.add_address(index, FCVM_TRY(base::IpPrefix::parse(std::string(v4) + "/24")));
  change.add_address(index, FCVM_TRY(base::IpPrefix::parse(std::string(v6) + "/64")));
  return kernel.apply(change);
}

Result<void> become_ordinary() {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0) {
    return fail_errno("becoming an ordinary user");
  }
  // Lost with the privilege, and needed for /proc/self and by the leak checker.
  if (::prctl(PR_SET_DUMPABLE, 1) != 0) return fail_errno("becoming dumpable again");
  if (::access(FCVM_TEST_FAKE_GUEST, X_OK) != 0) {
    return fail_errno("running " FCVM_TEST_FAKE_GUEST " as an ordinary user");
  }
  return {};
}

}  // namespace

Environment* Environment::get() {
  static Environment environment;
  static std::string why;
  static const bool made = [] {
    const auto done = environment.make();
    if (!done) why = done.error().message();
    return done.has_value();
  }();
  if (!made) skip(why);
  return made ? &environment : nullptr;
}

Result<void> Environment::make() {
  if (std::getenv("FCVM_TEST_INSIDE") != nullptr) return {};  // started by one that has made it
  const bool ordinary = std::getenv("FCVM_TEST_USER") != nullptr;
  if (ordinary && ::geteuid() != 0) return fail(EPERM, "root makes the host of an ordinary user");
  FCVM_TRY(enter_namespaces());
  FCVM_TRY(make_mounts());
  FCVM_TRY(make_uplink());
  FCVM_TRY(bind_sockets());
  return ordinary ? become_ordinary() : Result<void>();
}

Result<void> Environment::make_mounts() {
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return fail_errno("keeping mounts to this program");
  }
  files_ = FCVM_TRY(base::TempDir::create());
  const std::string resolv_conf = files_->path() + "/resolv.conf";
  const std::string text = std::string("nameserver ") + kStubResolver + "\n";
  FCVM_TRY(base::write_file_atomic(resolv_conf, text));
  FCVM_TRY(cover(resolv_conf, "/etc/resolv.conf"));
  const std::string tun = files_->path() + "/tun";
  if (::mknod(tun.c_str(), S_IFCHR | 0666, makedev(10, 200)) != 0) {  // in a user namespace
    if (::access("/dev/net/tun", R_OK | W_OK) == 0) return {};
    return fail_errno("opening /dev/net/tun, which distributions let everybody");
  }
  if (::chmod(tun.c_str(), 0666) != 0) return fail_errno("opening the tun device for all");
  return cover(tun, "/dev/net/tun");
}

Result<void> Environment::bind_sockets() {
  const auto bind_outside = [this](const char* address) {
    return base::in_namespace(*outside_,
                              [=] { return ServerSockets::bind(address, kOutsidePort); });
  };
  outside_ipv4_ = FCVM_TRY(bind_outside(kOutsideIpv4));
  outside_ipv6_ = FCVM_TRY(bind_outside(kOutsideIpv6));
  metadata_ipv4_ = FCVM_TRY(bind_outside(kMetadataIpv4));
  metadata_ipv6_ = FCVM_TRY(bind_outside(kMetadataIpv6));
  stub_resolver_ = FCVM_TRY(ServerSockets::bind(kStubResolver, 53));
  return {};
}

Result<void> Environment::make_uplink() {
  // As systemd sets it: everybody may ping. In a user namespace of one user, there is one group.
  const char* groups = "/proc/sys/net/ipv4/ping_group_range";
  if (!write_to(groups, "0 2147483647")) FCVM_TRY(write_to(groups, "0 0"));
  outside_ = FCVM_TRY(base::Namespace::new_net());
  auto kernel = FCVM_TRY(base::Rtnetlink::open());
  base::NetworkChange pair;
  pair.add_veth({"eth0", 0, {}, 0}, {{"eth0", 0, {}, 0}, outside_->fd()});
  FCVM_TRY(kernel.apply(pair));
  auto there = FCVM_TRY(base::in_namespace(*outside_, [] { return base::Rtnetlink::open(); }));
  // A router, so that it says what it cannot deliver.
  const auto forward = [] { return write_to("/proc/sys/net/ipv4/ip_forward", "1"); };
  FCVM_TRY(base::in_namespace(*outside_, forward));
  FCVM_TRY(set_up(there, "eth0", kOutsideIpv4, kOutsideIpv6));
  base::NetworkChange metadata;
  for (const char* address : {kMetadataIpv4, kMetadataIpv6}) {
    const auto parsed = FCVM_TRY(base::IpAddress::parse(address));
    const auto link = FCVM_TRY(there.link("eth0"));
    metadata.add_address(link.index, base::IpPrefix::host(parsed));
  }
  FCVM_TRY(there.apply(metadata));
  FCVM_TRY(set_up(kernel, "eth0", kHostIpv4, kHostIpv6));
  base::NetworkChange routes;
  for (const char* gateway : {kOutsideIpv4, kOutsideIpv6}) {
    base::Route route;
    route.gateway = FCVM_TRY(base::IpAddress::parse(gateway));
    route.destination = base::IpPrefix::any(route.gateway->family);
    route.link = FCVM_TRY(kernel.link("eth0")).index;
    routes.add_route(route);
  }
  return kernel.apply(routes);
}

}  // namespace fcvm::test
