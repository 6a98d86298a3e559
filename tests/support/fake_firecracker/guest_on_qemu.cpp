// The guest of firecracker_on_qemu: a real one, in QEMU's microvm with KVM, that has what
// Firecracker gives a guest: virtio-mmio found through ACPI, disks whose serial says nothing, and
// vsock (the host's vhost) behind a Unix socket. It lives and dies with this process.
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <random>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "core/base/io/unix_socket.hpp"
#include "tests/support/fake_firecracker/machine.hpp"

namespace fake {

namespace {

pid_t qemu = -1;

/// Unlike Firecracker's, vhost's numbers are the whole host's; and this process may have a number
/// that others have too.
unsigned guest_cid() {
  static const unsigned cid = 0x10000u + std::random_device{}() % 0x10000000u;
  return cid;
}

std::vector<std::string> command_line(const Json& config) {
  const Json& machine = config["/machine-config"];
  const Json& boot = config["/boot-source"];
  std::vector<std::string> words = {
      "qemu-system-x86_64",
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-no-reboot",
      "-M",
      "microvm,acpi=on,x-option-roms=off,auto-kernel-cmdline=off,rtc=on",
      "-bios",
      "qboot.rom",
      "-global",
      "virtio-mmio.force-legacy=false",
      "-accel",
      "kvm",
      "-cpu",
      "host"};
  const auto add = [&](const std::string& option, const std::string& value) {
    words.push_back(option);
    words.push_back(value);
  };
  add("-smp", machine["vcpu_count"].dump());
  add("-m", machine["mem_size_mib"].dump());
  add("-kernel", boot["kernel_image_path"]);
  if (boot.contains("initrd_path")) add("-initrd", boot["initrd_path"]);
  add("-append", boot.value("boot_args", ""));
  add("-serial", "file:/proc/self/fd/1");
  for (const Json& name : config["drives"]) {
    const Json& drive = config[name.get<std::string>()];
    const bool read_only = drive.value("is_read_only", false);
    add("-drive", "if=none,format=raw,file.locking=off,id=" + drive["drive_id"].get<std::string>() +
                      ",file=" + drive["path_on_host"].get<std::string>() +
                      (read_only ? ",readonly=on" : ""));
    add("-device", "virtio-blk-device,drive=" + drive["drive_id"].get<std::string>() +
                       ",serial=260115" + std::to_string(words.size()));
  }
  for (const auto& [path, nic] : config.items()) {
    if (path.rfind("/network-interfaces/", 0) != 0) continue;
    const std::string id = nic["iface_id"];
    add("-netdev", "tap,script=no,downscript=no,id=" + id +
                       ",ifname=" + nic["host_dev_name"].get<std::string>());
    add("-device",
        "virtio-net-device,netdev=" + id + ",mac=" + nic["guest_mac"].get<std::string>());
  }
  add("-device", "vhost-vsock-device,guest-cid=" + std::to_string(guest_cid()));
  add("-device", "virtio-rng-device");
  return words;
}

[[noreturn]] void become(const std::vector<std::string>& words, pid_t parent) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() == parent) ::execvp(argv[0], argv.data());
  ::_exit(127);
}

int asked_port(int fd) {
  std::string line;
  for (char byte = 0; ::read(fd, &byte, 1) == 1 && byte != '\n';) line += byte;
  return line.rfind("CONNECT ", 0) == 0 ? std::atoi(line.c_str() + 8) : -1;
}

/// Until the end of what comes, or of this life of the guest's streams; false for the latter.
bool pump(int from, int to, unsigned life, bool to_guest) {
  std::array<char, 65536> buffer;
  for (;;) {
    if (life != vsock.life) return false;
    pollfd ready{from, POLLIN, 0};
    if ((to_guest && vsock.muted) || ::poll(&ready, 1, 20) == 0) {
      ::usleep(vsock.muted ? 1000 : 0);
      continue;
    }
    const ssize_t count = ::read(from, buffer.data(), buffer.size());
    if (count <= 0) break;
    for (ssize_t done = 0; done < count;) {
      const ssize_t sent = ::send(to, buffer.data() + done, count - done, MSG_NOSIGNAL);
      if (sent <= 0) return true;
      done += sent;
    }
  }
  ::shutdown(to, SHUT_WR);
  return true;
}

/// The guest learns that the stream is gone, and the host only when it sends something.
void forget(const fcvm::Fd& client, const fcvm::Fd& guest) {
  ::shutdown(guest.get(), SHUT_RDWR);
  pollfd ready{client.get(), POLLIN, 0};
  ::poll(&ready, 1, -1);
}

/// Without an answer when nobody listens there, as Firecracker does it.
void relay(const fcvm::Fd& client) {
  const int port = asked_port(client.get());
  const fcvm::Fd guest(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = guest_cid();
  address.svm_port = static_cast<unsigned>(port);
  while (vsock.muted) ::usleep(1000);
  const unsigned life = vsock.life;
  if (port < 0 ||
      ::connect(guest.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return;
  }
  const std::string answer = "OK 1073741824\n";
  if (::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
  std::thread out([&] { pump(client.get(), guest.get(), life, true); });
  const bool ended = pump(guest.get(), client.get(), life, false);
  if (!ended) forget(client, guest);
  out.join();
}

}  // namespace

bool serve_vsock(const std::string& path) {
  auto listener = fcvm::base::listen_unix(path);
  if (!listener) return false;
  std::thread([held = std::move(*listener)] {
    while (auto client = fcvm::base::accept_connection(held.get())) {
      std::thread([fd = *std::move(client)] { relay(fd); }).detach();
    }
  }).detach();
  return true;
}

void start_guest(const Json& config, const Json& metadata) {
  if (config.contains("/mmds/config") && !serve_metadata(metadata)) {
    std::fputs("the metadata service cannot listen\n", stderr);
    ::_exit(1);
  }
  const auto words = command_line(config);
  const pid_t parent = ::getpid();
  qemu = ::fork();
  if (qemu == 0) become(words, parent);
  std::thread([] {
    int status = 0;
    ::waitpid(qemu, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }).detach();
}

void set_guest_paused(bool paused) { ::kill(qemu, paused ? SIGSTOP : SIGCONT); }

}  // namespace fake
