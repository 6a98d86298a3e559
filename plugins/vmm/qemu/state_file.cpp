// See state_file.hpp.
#include "plugins/vmm/qemu/state_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcvm/sdk/sized.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::qemu {

namespace {

constexpr const char* kMagic = "fcvm qemu state 1";
constexpr const char* kVersionName = "QEMU";
constexpr std::size_t kLongestHead = 16 * 1024;
constexpr std::size_t kPieceOfState = 128 * 1024;
/// RAM is not in it, so that a state beyond this is none.
constexpr std::uint64_t kLargestState = 256 << 20;
constexpr const char* kAgain = "make the snapshot again";

std::string series(const std::string& version) {
  return version.substr(0, version.find('.', version.find('.') + 1));
}

/// A value may hold anything but a newline, which would end it.
std::string one_line(std::string text) {
  for (char& byte : text) {
    if (byte == '\n') byte = ' ';
  }
  return text;
}

Result<std::string> read_head(int file, const std::string& name) {
  std::string head(kLongestHead, '\0');
  const ssize_t count = ::pread(file, head.data(), head.size(), 0);
  if (count < 0) return fail_errno("reading the snapshot's state " + name, kAgain);
  head.resize(static_cast<std::size_t>(count));
  const auto end = head.find("\n\n");
  if (end == std::string::npos || head.rfind(std::string(kMagic) + "\n", 0) != 0) {
    return fail(EINVAL, "the snapshot's state " + name + " was not made by this plugin", kAgain);
  }
  return head.substr(0, end + 2);
}

}  // namespace

Layout layout_of(const Options& options, const Platform& platform, const fcvm_vm_spec& spec) {
  std::string disks;
  for (const auto& disk : sized_elements(spec.disks, spec.disk_count)) {
    disks += std::string(disks.empty() ? "" : " ") + (disk.id == nullptr ? "?" : disk.id);
    if ((disk.flags & FCVM_DISK_READ_ONLY) != 0) disks += ":ro";
  }
  std::string more;
  for (const auto& argument : options.args) more += (more.empty() ? "" : " ") + argument;
  Layout layout = {{"accelerator", platform.accelerator()},
                   {"machine type", platform.machine},
                   {"CPU model", platform.cpu},
                   {"CPUs", std::to_string(spec.cpus)},
                   {"bytes of memory", std::to_string(spec.memory_bytes)},
                   {"disks", disks},
                   {"network interfaces", std::to_string(spec.nic_count)},
                   {"kernel given to QEMU", spec.kernel == nullptr ? "no" : "yes"},
                   {"serial console", spec.console == nullptr ? "no" : "yes"},
                   {"further arguments", more}};
  for (auto& [name, value] : layout) value = one_line(std::move(value));
  return layout;
}

Result<void> write_layout(int to, const Layout& layout, const Version& version) {
  std::string head = std::string(kMagic) + "\n" + kVersionName + "=" + version.text() + "\n";
  for (const auto& [name, value] : layout) head += name + "=" + value + "\n";
  if (head.size() >= kLongestHead) return fail(E2BIG, "the VM's description is too long");
  return base::write_all(to, head + "\n") | context("writing the snapshot's state");
}

Result<SavedState> open_state(int directory, const std::string& name) {
  SavedState saved;
  saved.file = Fd(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!saved.file) return fail_errno("reading the snapshot's state " + name, kAgain);
  const std::string head = FCVM_TRY(read_head(saved.file.get(), name));
  std::istringstream lines(head);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && !line.empty()) {
    const auto at = std::min(line.find('='), line.size());
    const std::string value = line.substr(std::min(at + 1, line.size()));
    if (line.substr(0, at) == kVersionName) {
      saved.version = value;
    } else {
      saved.layout.emplace_back(line.substr(0, at), value);
    }
  }
  if (::lseek(saved.file.get(), static_cast<off_t>(head.size()), SEEK_SET) < 0) {
    return fail_errno("reading the snapshot's state " + name);
  }
  return saved;
}

Result<void> check_layout(const Layout& saved, const Layout& ours) {
  for (const auto& [name, value] : ours) {
    std::string before = "nothing said";
    for (const auto& [other, theirs] : saved) {
      if (other == name) before = theirs;
    }
    if (before == value) continue;
    return fail(EINVAL,
                "the snapshot cannot be restored in this VM: the snapshot's VM has " + name +
                    " \"" + before + "\", and this one \"" + value + "\"",
                "restore it with the settings and the kind of host it was made with, or make it "
                "again");
  }
  return {};
}

Result<void> check_version(const std::string& saved, const Version& ours) {
  if (series(saved) == series(ours.text())) return {};
  return fail(
      EINVAL,
      "the snapshot was made by QEMU " + saved + ", and this is " + ours.text() +
          ": only versions of one series load each other's",
      "set plugin.\"vmm.qemu\".binary to a QEMU " + series(saved) + ", or make the snapshot again");
}

Result<void> receive_stream(int socket, int file, const Call& call) {
  std::string buffer(kPieceOfState, '\0');
  for (std::uint64_t total = 0;;) {
    FCVM_TRY(call.wait(socket, POLLIN));
    const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count < 0 && errno != ECONNRESET) return fail_errno("reading QEMU's state");
    if (count <= 0) return {};
    total += static_cast<std::uint64_t>(count);
    if (total > kLargestState) return fail(EFBIG, "QEMU's device state has no end");
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
    FCVM_TRY(base::write_all(file, piece) | context("writing the snapshot's state"));
  }
}

Result<void> send_stream(int file, int socket, const Call& call) {
  std::string buffer(kPieceOfState, '\0');
  for (;;) {
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    if (got < 0) return fail_errno("reading the snapshot's state", kAgain);
    if (got == 0) return {};
    for (ssize_t sent = 0; sent < got;) {
      FCVM_TRY(call.wait(socket, POLLOUT));
      const ssize_t count =
          ::send(socket, buffer.data() + sent, static_cast<std::size_t>(got - sent),
                 MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (count < 0) return fail_errno("giving QEMU the snapshot's state");
      sent += count;
    }
  }
}

}  // namespace fcvm::qemu
