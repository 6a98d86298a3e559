// fusepipe mount: a served directory, at a place in this host's or guest's tree.
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fusepipe/relay/fuse_mount.hpp"
#include "fusepipe/relay/relay.hpp"
#include "fusepipe/stream/address.hpp"
#include "fusepipe/tool/command.hpp"
#include "fusepipe/tool/unmounter.hpp"

namespace fcvm::fusepipe {

namespace {

/// What makes a sequential read of a large file fast; the kernel's own default is 128.
constexpr int kReadAheadKib = 1024;

struct MountArguments {
  std::optional<Address> stream;
  std::string mountpoint;
  FuseMount::Options mount;
  RelayOptions relay;
};

Result<unsigned> parse_queues(const std::string& text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= 1 &&
      value <= kMaxQueues) {
    return value;
  }
  return fail(EINVAL,
              "\"" + text + "\" is not a number of queues from 1 to " + std::to_string(kMaxQueues));
}

Result<void> take_mount_option(Options& words, MountArguments& arguments) {
  const std::string& name = words.name();
  if (name == "--ro") {
    arguments.mount.read_only = true;
  } else if (name == "--dev") {
    arguments.mount.allows_devices = true;
  } else if (name == "--suid") {
    arguments.mount.allows_set_id = true;
  } else if (name == "--persistent") {
    arguments.relay.persistent = true;
  } else if (name == "--queues") {
    const std::string text = FCVM_TRY(words.value());
    arguments.relay.queues = FCVM_TRY(parse_queues(text));
  } else if (!name.empty()) {
    return fail(EINVAL, "there is no option " + name);
  } else if (!arguments.stream) {
    arguments.stream = FCVM_TRY(Address::parse(words.word()));
  } else if (arguments.mountpoint.empty()) {
    arguments.mountpoint = words.word();
  } else {
    return fail(EINVAL, "\"" + words.word() + "\" is one word too many");
  }
  return {};
}

Result<MountArguments> parse_mount(const Words& words) {
  MountArguments arguments;
  for (Options options(words); options.next();) FCVM_TRY(take_mount_option(options, arguments));
  if (!arguments.stream) return fail(EINVAL, "no stream was given");
  if (arguments.mountpoint.empty()) return fail(EINVAL, "no mountpoint was given");
  if (arguments.stream->kind() == Address::Kind::kFds) {
    // As many as there are: the last is for what the server tells by itself, if it is not the only.
    const std::size_t streams = arguments.stream->fds().size();
    arguments.relay.notifications = streams > 1;
    arguments.relay.queues = static_cast<unsigned>(streams > 1 ? streams - 1 : 1);
  }
  return arguments;
}

Link::Dial dial(const Address& stream) {
  if (stream.kind() != Address::Kind::kFds) return [stream] { return stream.dial(); };
  // Queues dial one after another, as they begin. A stream that breaks has no other.
  return [fds = stream.fds(), next = std::size_t{0}]() mutable -> Result<base::Fd> {
    if (next == fds.size()) return fail(ENOTCONN, "the server has ended");
    return base::Fd(fds[next++]);
  };
}

void read_ahead(const std::string& mountpoint) {
  struct stat status {};
  if (::stat(mountpoint.c_str(), &status) != 0) return;
  const std::string path = "/sys/class/bdi/" + std::to_string(status.st_dev >> 8) + ":" +
                           std::to_string(status.st_dev & 0xff) + "/read_ahead_kb";
  // Slower without, and no worse: in a container /sys is often for reading alone.
  if (const auto file = base::open_file(path, O_WRONLY)) {
    (void)base::write_all(file->get(), std::to_string(kReadAheadKib));
  }
}

/// Until a signal comes, which is success, or the relay ends by itself.
Result<void> wait_for_end(const Relay& relay, int signals) {
  pollfd waits[] = {{signals, POLLIN, 0}, {relay.ended_fd(), POLLIN, 0}};
  while (::poll(waits, 2, -1) < 0 && errno == EINTR) {
  }
  if (waits[0].revents != 0 || relay.reason().empty()) return {};
  return fail(EIO, relay.reason());
}

}  // namespace

Result<void> mount(const Words& words) {
  const MountArguments arguments = FCVM_TRY(parse_mount(words) | remedy(std::string(kMountUsage)));
  const base::Fd signals = FCVM_TRY(ending_signals());
  Unmounter unmounter = FCVM_TRY(Unmounter::start(arguments.mountpoint));
  base::Fd device = FCVM_TRY(open_fuse_device());
  FuseMount mounted = FCVM_TRY(FuseMount::create(arguments.mountpoint, device, arguments.mount));
  unmounter.arm();
  const auto relay =
      FCVM_TRY(Relay::start(std::move(device), dial(*arguments.stream), arguments.relay));
  read_ahead(mounted.path());
  std::printf("mounted %s at %s\n", arguments.stream->text().c_str(), mounted.path().c_str());
  std::fflush(stdout);
  auto ended = wait_for_end(*relay, signals.get());
  // Then no queue waits for the kernel any more.
  mounted.unmount();
  relay->stop();
  return ended;
}

}  // namespace fcvm::fusepipe
