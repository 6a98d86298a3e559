// See podman.hpp.
#include "agent/container/podman.hpp"

#include "agent/boot/disks.hpp"
#include "agent/boot/kernel_files.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {
namespace {

constexpr std::uint64_t kSector = 512;

// podman takes an entrypoint of several words as JSON.
std::string json_list(const std::vector<std::string>& words) {
  std::string json = "[";
  for (const auto& word : words) {
    json += json.size() > 1 ? ",\"" : "\"";
    for (const char c : word) {
      if (c == '"' || c == '\\') json += '\\';
      if (static_cast<unsigned char>(c) >= 0x20) {
        json += c;
      } else {
        constexpr char kHex[] = "0123456789abcdef";
        json += std::string("\\u00") + kHex[c >> 4] + kHex[c & 15];
      }
    }
    json += '"';
  }
  return json + "]";
}

}  // namespace

std::string store_path(std::size_t number) { return "/run/fcvm/store/" + std::to_string(number); }

std::string storage_conf(std::string_view driver, std::size_t additional_stores) {
  std::string stores;
  for (std::size_t i = 0; i < additional_stores; ++i) {
    stores += (i == 0 ? "\"" : ", \"") + store_path(i) + "\"";
  }
  return "[storage]\ndriver = \"" + std::string(driver) + "\"\n" +
         "runroot = \"/run/containers/storage\"\ngraphroot = \"" + kStorage + "\"\n" +
         (stores.empty() ? "" : "[storage.options]\nadditionalimagestores = [" + stores + "]\n") +
         "[storage.options.overlay]\nmountopt = \"nodev\"\n";
}

std::string containers_conf() {
  return "[containers]\n"
         "log_driver = \"passthrough\"\n"
         "netns = \"host\"\n"
         // Else podman names the guest itself so, which is its host and not the container's user's.
         "host_containers_internal_ip = \"none\"\n"
         "[engine]\n"
         "cgroup_manager = \"cgroupfs\"\n"
         "events_logger = \"none\"\n"
         "runtime = \"crun\"\n"
         "database_backend = \"sqlite\"\n";
}

Result<void> configure_podman(const wire::BootPlan& plan) {
  FCVM_TRY(base::make_directories("/etc/containers"));
  std::size_t stores = 0;
  if (plan.container.source.delivery == wire::ImageDelivery::kStore) {
    for (const auto& disk : plan.disks) stores += disk.role == wire::DiskRole::kImage ? 1 : 0;
  }
  const bool is_storage = plan.container.source.delivery == wire::ImageDelivery::kStorage;
  FCVM_TRY(write_file("/etc/containers/storage.conf",
                      storage_conf(is_storage ? "btrfs" : "overlay", stores)));
  return write_file("/etc/containers/containers.conf", containers_conf());
}

// A tar archive fills sectors, and zeros behind its end are part of the format, so the disk itself
// can be read, without a copy. Anything else (compressed) has to be cut to its length.
Result<std::vector<std::string>> podman_load(const wire::BootPlan& plan) {
  const wire::ImageSource& source = plan.container.source;
  // One that is started again has its image in podman's storage already.
  if (source.delivery != wire::ImageDelivery::kArchive || plan.container.again)
    return std::vector<std::string>{};
  const auto device = FCVM_TRY(find_disk(plan, source.disk_serial));
  if (source.length % kSector == 0) {
    return std::vector<std::string>{"podman", "load", "-q", "-i", device};
  }
  return std::vector<std::string>{
      "sh",  "-c", "head -c \"$1\" \"$2\" | podman load -q", "sh", std::to_string(source.length),
      device};
}

std::vector<std::string> podman_run(const wire::ContainerSpec& spec) {
  std::vector<std::string> run = {"podman", "--log-level=error", "run", "--pull=never",
                                  std::string("--pidfile=") + kPidFile};
  const auto option = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) run.push_back("--" + name + "=" + value);
  };
  const auto options = [&](const std::string& name, const std::vector<std::string>& values) {
    for (const auto& value : values) run.push_back("--" + name + "=" + value);
  };
  option("name", spec.name);
  option("hostname", spec.hostname);
  option("user", spec.user);
  option("workdir", spec.workdir);
  options("env", spec.environment);
  options("label", spec.labels);
  options("volume", spec.volumes);
  if (spec.has_entrypoint) {
    run.push_back("--entrypoint=" + (spec.entrypoint.empty() ? "" : json_list(spec.entrypoint)));
  }
  if (spec.privileged) run.push_back("--privileged");
  if (spec.interactive) run.push_back("--interactive");
  // Detaching is the host's: what it passes on is for the container.
  if (spec.interactive) run.push_back("--detach-keys=");
  // With a terminal podman stands between ours and the container's, and carries the size.
  if (spec.tty) run.insert(run.end(), {"--tty", "--log-driver=none"});
  run.insert(run.end(), spec.podman_options.begin(), spec.podman_options.end());
  run.push_back(spec.image);
  run.insert(run.end(), spec.command.begin(), spec.command.end());
  return run;
}

std::vector<std::string> podman_start(const wire::ContainerSpec& spec) {
  std::vector<std::string> start = {"podman", "--log-level=error", "start", "--attach",
                                    "--sig-proxy=false"};
  if (spec.interactive) start.insert(start.end(), {"--interactive", "--detach-keys="});
  start.push_back(spec.name);
  return start;
}

}  // namespace fcvm::agent
