// Vsock, and which transport a guest has; see transport.hpp.
#include "agent/transport/transport.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/transport/listeners.hpp"
#include "agent/transport/mux_transport.hpp"
#include "core/base/deadline.hpp"
#include "core/base/io/file.hpp"
#include "core/wire/ports.hpp"

namespace fcvm::agent {
namespace {

// Of one that has gone already: of no family.
sockaddr_vm peer_of(int socket) {
  sockaddr_vm peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return {};
  return peer;
}

Result<base::Fd> listen_vsock(std::uint32_t port) {
  base::Fd socket(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("making a vsock");
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = VMADDR_CID_ANY;
  address.svm_port = port;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return fail_errno("listening on vsock port " + std::to_string(port));
  }
  return socket;
}

// The name of the device whose virtio-serial port is called kMuxPortName, if it is there yet.
std::string find_mux_port() {
  const std::string ports = "/sys/class/virtio-ports";
  DIR* directory = ::opendir(ports.c_str());
  if (directory == nullptr) return {};
  std::string found;
  while (const dirent* entry = ::readdir(directory)) {
    const auto name = base::read_file(ports + "/" + entry->d_name + "/name");
    if (name && name->substr(0, name->find('\n')) == wire::kMuxPortName) {
      found = std::string("/dev/") + entry->d_name;
    }
  }
  ::closedir(directory);
  return found;
}

// /dev/vsock exists as soon as the module is loaded; a context id only with a device.
bool has_vsock() {
  const base::Fd device(::open("/dev/vsock", O_RDONLY | O_CLOEXEC));
  unsigned cid = VMADDR_CID_ANY;
  return device.valid() && ::ioctl(device.get(), IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) == 0 &&
         cid != VMADDR_CID_ANY && cid > VMADDR_CID_HOST;
}

Result<std::unique_ptr<Transport>> vsock_transport(Loop& loop, Transport::OnAccept on_accept) {
  auto listeners = std::make_unique<Listeners>(
      loop, std::move(on_accept), [](int socket) { return may_serve(peer_of(socket)); });
  for (const std::uint32_t port : wire::kAgentPorts) {
    auto socket = FCVM_TRY(listen_vsock(port));
    FCVM_TRY(listeners->add(port, std::move(socket)));
  }
  return std::unique_ptr<Transport>(std::move(listeners));
}

}  // namespace

Result<std::unique_ptr<Transport>> Transport::of_guest(Loop& loop, OnAccept on_accept) {
  const auto deadline = base::Deadline::in(std::chrono::seconds(30));
  while (!deadline.expired()) {
    if (const std::string device = find_mux_port(); !device.empty()) {
      return mux_transport(loop, device, std::move(on_accept));
    }
    if (has_vsock()) return vsock_transport(loop, std::move(on_accept));
    const timespec pause{0, 5'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return fail(ENODEV,
              "finding the way to the host: there is neither a vsock device nor a "
              "virtio-serial port named org.fcvm.mux",
              "start the VM with one of them, and put the module that drives it into the initrd");
}

bool may_serve(const sockaddr_vm& peer) {
  return peer.svm_family == AF_VSOCK && peer.svm_cid == VMADDR_CID_HOST;
}

ssize_t send_some(int socket, std::string_view bytes) {
  constexpr std::size_t kLongestPacket = 28 << 10;
  return ::send(socket, bytes.data(), std::min(bytes.size(), kLongestPacket),
                MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace fcvm::agent
