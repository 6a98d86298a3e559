// net.tap: the least network that carries packets, for tests of what stands above net plugins: a
// namespace with a tap, and nothing beyond it. As root. The guest is 10.77.0.2 (fd77::2), the
// namespace 10.77.0.1 (fd77::1). Its option `break-file` names a file: once it is there, the
// network says that it broke.
#include <fcntl.h>
#include <mutex>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fcvm/net.hpp>

#include "core/base/net/rtnetlink.hpp"
#include "core/base/process/namespaces.hpp"
#include "plugins/net/common/publisher.hpp"

namespace {

using fcvm::Call;
using fcvm::Fd;
using fcvm::Result;

constexpr const char* kTap = "tap0";
constexpr const char* kMac = "52:54:00:77:00:02";

Result<Fd> make_links() {
  Fd tap = FCVM_TRY(fcvm::base::open_tap(kTap, true));
  auto kernel = FCVM_TRY(fcvm::base::Rtnetlink::open());
  fcvm::base::NetworkChange change;
  for (const char* name : {"lo", kTap}) {
    const auto link = FCVM_TRY(kernel.link(name));
    fcvm::base::LinkChange up;
    up.up = true;
    change.set_link(link.index, name, up);
    if (link.name != kTap) continue;
    for (const char* address : {"10.77.0.1/24", "fd77::1/64"}) {
      change.add_address(link.index, FCVM_TRY(fcvm::base::IpPrefix::parse(address)));
    }
  }
  FCVM_TRY(kernel.apply(change));
  return tap;
}

Result<Fd> connect_to_guest(int type, std::uint16_t port, const Call& call) {
  Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fcvm::fail_errno("making a socket");
  sockaddr_in guest{};
  guest.sin_family = AF_INET;
  guest.sin_port = htons(port);
  guest.sin_addr.s_addr = htonl(0x0a4d0002);
  const int rc = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&guest), sizeof guest);
  if (rc != 0 && errno != EINPROGRESS) return fcvm::fail_errno("connecting to the guest");
  FCVM_TRY(call.wait(socket.get(), POLLOUT));
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    return fcvm::fail(error, "connecting to port " + std::to_string(port) +
                                 " of the guest: " + std::strerror(error));
  }
  ::fcntl(socket.get(), F_SETFL, 0);
  return socket;
}

class Tap : public fcvm::NetPlugin {
 public:
  static constexpr fcvm::Info kInfo{"net.tap", "1.0.0", "a tap in a namespace, for tests",
                                    FCVM_NET_CAN_IPV6 | FCVM_NET_CAN_PUBLISH |
                                        FCVM_NET_CAN_PUBLISH_UDP | FCVM_NET_NEEDS_ROOT |
                                        FCVM_NET_KEEPS_CLOSED};
  struct Options {
    std::string break_file;
    static auto table() {
      return fcvm::options(fcvm::option("break-file", &Options::break_file,
                                        "a file that breaks the network when it is made"));
    }
  };

  Tap(fcvm::Host host, Options options) : options_(std::move(options)), publisher_(host) {}

  Result<fcvm::NetAttachment> attach(const fcvm_net_request& request, const Call& call) {
    FCVM_TRY(publisher_.reserve(request));
    auto net = FCVM_TRY(fcvm::base::Namespace::new_net());
    (void)FCVM_TRY(fcvm::base::in_namespace(net, make_links));
    fcvm::net::ForwardTarget target;
    target.net_namespace_fd = net.fd();
    target.guest_ipv4 = "10.77.0.2";
    target.guest_ipv6 = "fd77::2";
    FCVM_TRY(publisher_.start(target, call));
    fcvm::NetAttachment attachment;
    attachment.net_namespace = Fd(::fcntl(net.fd(), F_DUPFD_CLOEXEC, 0));
    attachment.dns = {request.dns_count > 0 ? request.dns[0] : "10.77.0.1"};
    attachment.published = publisher_.reserved();
    auto& made = attachment.given;
    made.mtu = request.mtu;
    fcvm::put_text(made.tap, kTap);
    fcvm::put_text(made.mac, request.mac == nullptr ? kMac : request.mac);
    fcvm::put_text(made.guest_ipv4, "10.77.0.2/24");
    fcvm::put_text(made.gateway_ipv4, "10.77.0.1");
    fcvm::put_text(made.guest_ipv6, "fd77::2/64");
    fcvm::put_text(made.gateway_ipv6, "fd77::1");
    fcvm::put_text(made.host_address, publisher_.host_address());
    if ((request.flags & FCVM_NET_NO_HOST_LOOPBACK) == 0 || request.opening_count > 0) {
      fcvm::put_text(made.host_gateway, "10.77.0.1");
    }
    const std::lock_guard lock(mutex_);
    net_.emplace(std::move(net));
    return attachment;
  }
  Result<void> detach(const Call&) {
    publisher_.stop();
    const std::lock_guard lock(mutex_);
    net_.reset();
    return {};
  }
  Result<Fd> dial(std::uint32_t protocol, std::uint16_t port, const Call& call) {
    const std::lock_guard lock(mutex_);
    const int type = protocol == FCVM_PROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
    return fcvm::base::in_namespace(*net_, [&] { return connect_to_guest(type, port, call); });
  }
  Result<fcvm::Published> publish(const fcvm_publish& wanted, const Call& call) {
    return publisher_.publish(wanted, call);
  }
  Result<void> unpublish(const fcvm_publish& unwanted, const Call& call) {
    return publisher_.unpublish(unwanted, call);
  }
  Result<fcvm::NetHealth> health() {
    if (options_.break_file.empty()) return fcvm::NetHealth{};
    if (!watch_) {
      watch_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
      const std::string directory = options_.break_file.substr(0, options_.break_file.rfind('/'));
      ::inotify_add_watch(watch_.get(), directory.c_str(), IN_CREATE);
    }
    char ignored[4096];
    while (::read(watch_.get(), ignored, sizeof ignored) > 0) {
    }
    if (::access(options_.break_file.c_str(), F_OK) == 0) {
      return fcvm::fail(ENETDOWN, "its break-file is there");
    }
    return fcvm::NetHealth{watch_.get()};
  }

 private:
  const Options options_;
  fcvm::net::Publisher publisher_;
  Fd watch_;
  std::mutex mutex_;  // dial is called from any thread
  std::optional<fcvm::base::Namespace> net_;
};

}  // namespace

FCVM_EXPORT_PLUGIN(Tap);
