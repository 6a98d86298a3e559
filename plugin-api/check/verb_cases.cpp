// verbs: each verb of the kind is called, in an order in which a host might, in a network and with
// a /run of its own, so that a network plugin may attach for real. What the verbs do is not judged
// here, but how they answer and what they leave.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <map>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fcvm/image.h>
#include <fcvm/memory.h>
#include <fcvm/net.h>
#include <fcvm/readiness.h>
#include <fcvm/sdk/call.hpp>
#include <fcvm/vmm.h>

#include "plugin-api/check/fake_host.hpp"
#include "plugin-api/check/loaded.hpp"
#include "plugin-api/check/patience.hpp"
#include "plugin-api/check/spelling.hpp"
#include "plugin-api/check/surroundings.hpp"

namespace fcvm::check {
namespace {

constexpr int kRounds = 4;

/// A verb may well use all the time it is given, and all rounds together have the limit of a case.
std::int64_t soon(std::int64_t ms = 500) { return monotonic_now() + ms * kMillisecond; }

void write_file(const char* path, const std::string& text) { std::ofstream(path) << text; }

/// False where this user may make none.
bool enter_own_world() {
  write_file("/proc/self/oom_score_adj", "500");  // whatever goes wrong, not at the host's cost
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  const int user = uid == 0 ? 0 : CLONE_NEWUSER;
  if (::unshare(user | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC) != 0) return false;
  if (user != 0) {
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
    write_file("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
  }
  return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", "/run", "tmpfs", 0, "mode=755") == 0;
}

/// What a verb answered: whether it worked. An answer that breaks the law is an error.
Result<bool> answered(const char* verb, std::int32_t code, const fcvm_error& error) {
  const std::string which = std::string(verb) + ": ";
  if (code == 0) return true;
  if (code > 0) return broken(which + "it returned " + std::to_string(code), "return 0 or -errno");
  if (code == -EFAULT) {
    return broken(which + "it failed with -EFAULT: " + told(code, error),
                  "an exception, or a null that may be null: handle it in the verb");
  }
  const auto message = std::string(text_of(error.message));
  if (message.empty() || !is_utf8(message)) {
    return broken(which + "it failed without a message that can be shown", "fill in the error");
  }
  return false;
}

/// Takes a descriptor that was handed over.
Result<void> take(const char* verb, std::int32_t fd, bool is_stream) {
  const std::string which = std::string(verb) + ": ";
  const int flags = fd > STDERR_FILENO ? ::fcntl(fd, F_GETFD) : -1;
  if (flags < 0) {
    return broken(which + "it handed over the descriptor " + std::to_string(fd),
                  "hand over one that is open, and that no bit announces when there is none");
  }
  const int status = ::fcntl(fd, F_GETFL);
  ::close(fd);
  if ((flags & FD_CLOEXEC) == 0) {
    return broken(which + "the descriptor it handed over is not CLOEXEC", "open it with O_CLOEXEC");
  }
  if (is_stream && (status & O_NONBLOCK) != 0) {
    return broken(which + "the stream it handed over is O_NONBLOCK", "clear O_NONBLOCK before");
  }
  return {};
}

struct Subject {
  const Loaded& plugin;
  void* instance;

  template <typename Verbs>
  [[nodiscard]] Verbs verbs() const {
    return sized_copy(static_cast<const Verbs*>(plugin.table->verbs(plugin.descriptor.kind)));
  }
};

Result<void> exercise_readiness(const Subject& subject) {
  const auto verbs = subject.verbs<fcvm_readiness_v1>();
  auto target = sized<fcvm_ready_target>();
  target.vm_id = target.container = "check";
  auto error = sized<fcvm_error>();
  FCVM_TRY(answered("wait", verbs.wait(subject.instance, &target, soon(100), &error), error));
  return {};
}

struct Reported {
  int published = 0;
  fcvm_published last{};
  std::string address;  // of the last

  [[nodiscard]] fcvm_net_report abi() {
    auto report = sized<fcvm_net_report>();
    report.context = this;
    report.dns = [](void*, const char*) {};
    report.published = [](void* context, const fcvm_published* port) {
      auto& self = *static_cast<Reported*>(context);
      ++self.published;
      self.last = sized_copy(port);
      self.address = self.last.address == nullptr ? "" : self.last.address;
    };
    return report;
  }
};

/// Any free port of the host.
fcvm_publish port_wished(std::uint16_t guest_port) {
  auto port = sized<fcvm_publish>();
  port.protocol = FCVM_PROTO_TCP;
  port.guest_port = guest_port;
  port.count = 1;
  return port;
}

Result<void> publish_and_back(const Subject& subject, const fcvm_net_v1& verbs) {
  if (verbs.publish == nullptr) return {};
  auto error = sized<fcvm_error>();
  Reported reported;
  const auto report = reported.abi();
  auto port = port_wished(80);
  const auto code = verbs.publish(subject.instance, &port, soon(), &report, &error);
  if (!FCVM_TRY(answered("publish", code, error))) return {};
  if (reported.published != 1 || reported.last.host_port == 0) {
    return broken("publish: it did not report the one port that it took",
                  "call report->published with the address and port of the host");
  }
  port.host_port = reported.last.host_port;
  port.address = reported.address.c_str();
  const auto gone = verbs.unpublish(subject.instance, &port, soon(), &error);
  if (FCVM_TRY(answered("unpublish", gone, error))) return {};
  return broken("unpublish refuses what publish reported: " + told(gone, error),
                "take the port back that was reported");
}

Result<void> use_network(const Subject& subject, const fcvm_net_v1& verbs,
                         const fcvm_net_attachment& given) {
  auto error = sized<fcvm_error>();
  if ((given.flags & FCVM_NET_HAS_NET_NAMESPACE) != 0) {
    FCVM_TRY(take("attach", given.net_namespace_fd, false));
  }
  if ((given.flags & FCVM_NET_HAS_USER_NAMESPACE) != 0) {
    FCVM_TRY(take("attach", given.user_namespace_fd, false));
  }
  FCVM_TRY(answered("health", verbs.health(subject.instance, nullptr, &error), error));
  std::int32_t fd = -1;
  const auto dialled = verbs.dial(subject.instance, FCVM_PROTO_TCP, 9, soon(200), &fd, &error);
  if (FCVM_TRY(answered("dial", dialled, error))) FCVM_TRY(take("dial", fd, true));
  return publish_and_back(subject, verbs);
}

Result<void> exercise_net(const Subject& subject) {
  const auto verbs = subject.verbs<fcvm_net_v1>();
  auto request = sized<fcvm_net_request>();
  request.flags = FCVM_NET_WANT_IPV6;
  request.vm_id = "check";
  const auto port = port_wished(81);
  const fcvm_publish* const ports[] = {&port};
  const bool publishes = (subject.plugin.descriptor.capabilities & FCVM_NET_CAN_PUBLISH) != 0;
  request.publish = ports;
  request.publish_count = publishes ? 1 : 0;
  auto error = sized<fcvm_error>();
  auto given = sized<fcvm_net_attachment>();
  Reported reported;
  const auto report = reported.abi();
  const auto code = verbs.attach(subject.instance, &request, soon(), &given, &report, &error);
  if (FCVM_TRY(answered("attach", code, error))) {
    if (publishes && reported.published != 1) {
      return broken("attach: it did not report the one port that it published",
                    "call report->published with the address and port of the host");
    }
    FCVM_TRY(use_network(subject, verbs, given));
  }
  for (int twice = 0; twice < 2; ++twice) {
    const auto gone = verbs.detach(subject.instance, soon(), &error);
    if (FCVM_TRY(answered("detach", gone, error))) continue;
    return broken("detach failed: " + told(gone, error), "let it work in any state, and twice");
  }
  return {};
}

Result<void> exercise_vmm(const Subject& subject) {
  const auto verbs = subject.verbs<fcvm_vmm_v1>();
  auto error = sized<fcvm_error>();
  auto status = sized<fcvm_vm_status>();
  FCVM_TRY(answered("status", verbs.status(subject.instance, &status, &error), error));
  if (status.state != FCVM_VM_NEW) {
    return broken(
        "status: an instance that was not started is in the state " + std::to_string(status.state),
        "begin in FCVM_VM_NEW");
  }
  std::int32_t fd = -1;
  const auto early = verbs.connect(subject.instance, 1, soon(200), &fd, &error);
  if (FCVM_TRY(answered("connect", early, error))) {
    return broken("connect: it worked on a VM that was not started", "refuse it");
  }
  const Fd directory(::open(".", O_DIRECTORY | O_CLOEXEC));
  for (const char* name : {"kernel", "initrd"}) write_file(name, "this is none");
  auto spec = sized<fcvm_vm_spec>();
  spec.vm_id = "check";
  spec.directory_fd = directory.get();
  spec.cpus = 1;
  spec.memory_bytes = 64 << 20;
  spec.kernel = spec.kernel_elf = "kernel";
  spec.initrd = "initrd";
  spec.command_line = "";
  spec.console = "console";
  spec.guest_socket = "guest.sock";
  const auto started = verbs.start(subject.instance, &spec, soon(), &error);
  FCVM_TRY(answered("start", started, error));
  FCVM_TRY(answered("kill", verbs.kill(subject.instance, soon(), &error), error));
  FCVM_TRY(answered("status", verbs.status(subject.instance, &status, &error), error));
  return {};
}

std::int32_t drop(void*, const char*, std::uint64_t) { return 0; }
std::int32_t drop_disk(void*, const fcvm_image_disk*) { return 0; }
std::int32_t drop_entry(void*, const fcvm_image_entry*) { return 0; }

Result<void> ask_optional(const Subject& subject, const fcvm_image_v1& verbs, const Fd& cache,
                          const char* digest) {
  auto error = sized<fcvm_error>();
  if (verbs.list != nullptr) {
    const auto code =
        verbs.list(subject.instance, cache.get(), soon(), drop_entry, nullptr, &error);
    FCVM_TRY(answered("list", code, error));
  }
  if (verbs.name != nullptr) {
    const auto code =
        verbs.name(subject.instance, cache.get(), "check:latest", digest, soon(), &error);
    FCVM_TRY(answered("name", code, error));
  }
  return {};
}

Result<void> exercise_image(const Subject& subject) {
  const auto verbs = subject.verbs<fcvm_image_v1>();
  auto error = sized<fcvm_error>();
  ::mkdir("cache", 0700);
  const Fd cache(::open("cache", O_DIRECTORY | O_CLOEXEC));
  auto request = sized<fcvm_image_request>();
  request.pull = FCVM_PULL_NEVER;
  request.reference = "check";
  request.cache_fd = cache.get();
  auto identity = sized<fcvm_image_identity>();
  const auto code = verbs.resolve(subject.instance, &request, soon(), &identity, &error);
  FCVM_TRY(answered("resolve", code, error));
  const char* const digest =
      code == 0 ? identity.digest
                : "sha256:0000000000000000000000000000000000000000000000000000000000000000";
  const auto config =
      verbs.config(subject.instance, &request, digest, soon(), drop, nullptr, &error);
  FCVM_TRY(answered("config", config, error));
  auto delivery = sized<fcvm_image_delivery>();
  const auto prepared = verbs.prepare(subject.instance, &request, digest, soon(), &delivery,
                                      drop_disk, nullptr, &error);
  FCVM_TRY(answered("prepare", prepared, error));
  FCVM_TRY(ask_optional(subject, verbs, cache, digest));
  const auto collected =
      verbs.collect(subject.instance, cache.get(), nullptr, 0, soon(), drop, nullptr, &error);
  FCVM_TRY(answered("collect", collected, error));
  return {};
}

/// What a clone is to be given is there when attach_clone returns: a server listens by then.
Result<void> check_offer(const Fd& home, const fcvm_memory_offer& offer) {
  const std::string path(text_of(offer.path));
  if (path.empty()) return broken("attach_clone: it offers no path", "fill in the offer");
  struct stat there {};
  const bool found = ::fstatat(home.get(), path.c_str(), &there, 0) == 0;
  if (found && offer.type == FCVM_MEMORY_FROM_FILE && S_ISREG(there.st_mode)) return {};
  if (found && offer.type == FCVM_MEMORY_FROM_UFFD && S_ISSOCK(there.st_mode)) return {};
  return broken("attach_clone: " + path + " is not there, or not what its type says",
                "make it in the clone's directory before attach_clone returns: a file for "
                "FCVM_MEMORY_FROM_FILE, a socket for FCVM_MEMORY_FROM_UFFD");
}

Result<void> ask_optional(const Subject& subject, const fcvm_memory_v1& verbs, const Fd& home) {
  auto error = sized<fcvm_error>();
  if (verbs.prefetch != nullptr) {
    const auto code = verbs.prefetch(subject.instance, "check", soon(), &error);
    FCVM_TRY(answered("prefetch", code, error));
  }
  if (verbs.working_set != nullptr) {
    const auto code =
        verbs.working_set(subject.instance, "check", home.get(), "used", soon(), &error);
    FCVM_TRY(answered("working_set", code, error));
    ::unlinkat(home.get(), "used", 0);
  }
  return {};
}

/// A sleeper is the clone's VMM, which the plugin may end.
Result<void> use_clone(const Subject& subject, const fcvm_memory_v1& verbs) {
  auto error = sized<fcvm_error>();
  ::mkdir("clone", 0700);
  const Fd home(::open("clone", O_DIRECTORY | O_CLOEXEC));
  auto clone = sized<fcvm_memory_clone>();
  clone.clone_id = "check";
  clone.directory_fd = home.get();
  if (verbs.working_set != nullptr) clone.flags = FCVM_CLONE_RECORD;
  auto offer = sized<fcvm_memory_offer>();
  const auto code = verbs.attach_clone(subject.instance, &clone, soon(), &offer, &error);
  if (!FCVM_TRY(answered("attach_clone", code, error))) return {};
  FCVM_TRY(check_offer(home, offer));
  FakeHost processes(Manner::kRefuse);
  std::uint64_t vmm = 0;
  if (processes.start_sleeper(&vmm) != 0) return fail_errno("starting a stand-in for a VMM");
  const int pidfd = processes.sleeper(vmm)->pidfd.get();
  const auto started = verbs.clone_started(subject.instance, "check", pidfd, &error);
  FCVM_TRY(answered("clone_started", started, error));
  FCVM_TRY(ask_optional(subject, verbs, home));
  FCVM_TRY(answered("health", verbs.health(subject.instance, nullptr, &error), error));
  FCVM_TRY(answered("clone_health", verbs.clone_health(subject.instance, "check", &error), error));
  auto figures = sized<fcvm_memory_figures>();
  FCVM_TRY(answered("figures", verbs.figures(subject.instance, &figures, &error), error));
  const auto gone = verbs.detach_clone(subject.instance, "check", soon(), &error);
  FCVM_TRY(answered("detach_clone", gone, error));
  return {};
}

Result<void> exercise_memory(const Subject& subject) {
  const auto verbs = subject.verbs<fcvm_memory_v1>();
  auto error = sized<fcvm_error>();
  ::mkdir("snapshot", 0700);
  write_file("snapshot/memory", std::string(1 << 16, 'm'));
  const Fd directory(::open("snapshot", O_DIRECTORY | O_CLOEXEC));
  auto layer = sized<fcvm_memory_layer>();
  layer.directory_fd = directory.get();
  layer.path = "memory";
  const fcvm_memory_layer* const layers[] = {&layer};
  auto request = sized<fcvm_memory_request>();
  request.layers = layers;
  request.layer_count = 1;
  request.memory_bytes = 1 << 16;
  request.page_bytes = 4096;
  const auto code = verbs.open(subject.instance, &request, soon(), &error);
  if (FCVM_TRY(answered("open", code, error))) FCVM_TRY(use_clone(subject, verbs));
  FCVM_TRY(answered("close", verbs.close(subject.instance, soon(), &error), error));
  return {};
}

using Exercise = Result<void> (*)(const Subject&);

Result<void> one_round(const Loaded& plugin, Exercise exercise) {
  FakeHost host(Manner::kRefuse);
  const auto instance = FCVM_TRY(create(plugin, host.host(), 0, Blame::kGuesses));
  return exercise({plugin, instance.get()});
}

/// The first round may set up what the object then keeps; the others may not.
Result<void> check_verbs(const Target& target) {
  static const std::map<std::string, Exercise> kExercises = {
      {FCVM_KIND_VMM, exercise_vmm},
      {FCVM_KIND_NET, exercise_net},
      {FCVM_KIND_IMAGE, exercise_image},
      {FCVM_KIND_MEMORY, exercise_memory},
      {FCVM_KIND_READINESS, exercise_readiness}};
  if (!enter_own_world()) {
    return skip("this user may make no namespaces, in which a plugin could do no harm",
                "run it as root, or where users may have namespaces");
  }
  const auto plugin = FCVM_TRY(load(target));
  const Exercise exercise = kExercises.at(plugin.descriptor.kind);
  const Surroundings untouched;
  FCVM_TRY(one_round(plugin, exercise));
  FCVM_TRY(unchanged_process(untouched, "calling its verbs"));
  Surroundings before;
  before.children = untouched.children;
  before.fds = std::max(before.fds, untouched.fds);
  for (int round = 0; round < kRounds; ++round) FCVM_TRY(one_round(plugin, exercise));
  return unchanged(before, std::to_string(kRounds) + " rounds of its verbs");
}

}  // namespace

void add_verb_cases(std::vector<Case>& cases) {
  cases.push_back({"verbs",
                   "Errors",
                   "each verb of the kind answers as the law says, and leaves nothing behind",
                   {"half-implemented", "fd-leaks", "deadline", "cancel"},
                   check_verbs});
}

}  // namespace fcvm::check
