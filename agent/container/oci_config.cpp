// Reading crun's state; see oci_config.hpp.
#include "agent/container/oci_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <linux/seccomp.h>

#include <nlohmann/json.hpp>

#include "core/base/io/file.hpp"
#include "core/base/process/capability_names.hpp"

namespace fcvm::agent {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargestConfig = 8 << 20;
constexpr std::size_t kIdLength = 64;

// A member of an object; null when it is not there, which every reader below takes for its default.
const Json& member(const Json& object, const char* name) {
  static const Json none;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : none;
}

std::string text(const Json& value) {
  const auto* found = value.get_ptr<const std::string*>();
  return found != nullptr ? *found : std::string();
}

std::uint64_t number(const Json& value, std::uint64_t otherwise = 0) {
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : otherwise;
}

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> result;
  if (!list.is_array()) return result;
  for (const auto& item : list) result.push_back(text(item));
  return result;
}

Result<std::uint64_t> capability_set(const Json& names) {
  std::uint64_t set = 0;
  for (const auto& name : texts(names)) {
    const auto number = base::capability_number(name);
    if (!number) return fail(ENOTSUP, "the capability " + name + " is not known here");
    set |= std::uint64_t{1} << *number;
  }
  return set;
}

Result<CapabilitySets> capability_sets(const Json& all) {
  CapabilitySets sets;
  sets.bounding = FCVM_TRY(capability_set(member(all, "bounding")));
  sets.effective = FCVM_TRY(capability_set(member(all, "effective")));
  sets.permitted = FCVM_TRY(capability_set(member(all, "permitted")));
  sets.inheritable = FCVM_TRY(capability_set(member(all, "inheritable")));
  sets.ambient = FCVM_TRY(capability_set(member(all, "ambient")));
  return sets;
}

Result<int> limit_number(const std::string& name) {
  constexpr std::array<std::pair<const char*, int>, 16> kLimits = {
      {{"RLIMIT_AS", RLIMIT_AS},
       {"RLIMIT_CORE", RLIMIT_CORE},
       {"RLIMIT_CPU", RLIMIT_CPU},
       {"RLIMIT_DATA", RLIMIT_DATA},
       {"RLIMIT_FSIZE", RLIMIT_FSIZE},
       {"RLIMIT_LOCKS", RLIMIT_LOCKS},
       {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
       {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
       {"RLIMIT_NICE", RLIMIT_NICE},
       {"RLIMIT_NOFILE", RLIMIT_NOFILE},
       {"RLIMIT_NPROC", RLIMIT_NPROC},
       {"RLIMIT_RSS", RLIMIT_RSS},
       {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
       {"RLIMIT_RTTIME", RLIMIT_RTTIME},
       {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
       {"RLIMIT_STACK", RLIMIT_STACK}}};
  for (const auto& [known, number] : kLimits) {
    if (name == known) return number;
  }
  return fail(ENOTSUP, "the limit " + name + " is not known here");
}

Result<unsigned> filter_flags(const Json& seccomp) {
  unsigned flags = 0;
  for (const auto& flag : texts(member(seccomp, "flags"))) {
    if (flag == "SECCOMP_FILTER_FLAG_LOG") {
      flags |= SECCOMP_FILTER_FLAG_LOG;
    } else if (flag == "SECCOMP_FILTER_FLAG_SPEC_ALLOW") {
      flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    } else if (flag == "SECCOMP_FILTER_FLAG_TSYNC") {
      continue;  // for the other threads of a process, and there are none
    } else {
      return fail(ENOTSUP, "the seccomp flag " + flag + " is not known here");
    }
  }
  if (!text(member(seccomp, "listenerPath")).empty()) {
    return fail(ENOTSUP, "its seccomp profile asks a listener");
  }
  return flags;
}

Result<void> check_namespaces(const Json& list) {
  if (!list.is_array()) return {};
  for (const auto& item : list) {
    const std::string type = text(member(item, "type"));
    constexpr std::array kEntered = {"pid", "ipc", "uts", "mount", "cgroup", "network"};
    if (std::find(kEntered.begin(), kEntered.end(), type) == kEntered.end()) {
      return fail(ENOTSUP, "it has a namespace of the kind " + type);
    }
  }
  return {};
}

Result<void> read_process(const Json& process, OciConfig& config) {
  for (const char* unknown : {"apparmorProfile", "execCPUAffinity", "ioPriority", "oomScoreAdj",
                              "scheduler", "selinuxLabel"}) {
    const Json& setting = member(process, unknown);
    // podman writes these two where they mean nothing, too.
    const bool none = setting.is_null() || setting == "" || setting == 0;
    if (!none) return fail(ENOTSUP, std::string("its process has the setting ") + unknown);
  }
  const Json& user = member(process, "user");
  config.uid = static_cast<uid_t>(number(member(user, "uid")));
  config.gid = static_cast<gid_t>(number(member(user, "gid")));
  config.umask = static_cast<mode_t>(number(member(user, "umask"), 0022) & 0777);
  const Json& groups = member(user, "additionalGids");
  for (std::size_t i = 0; groups.is_array() && i < groups.size(); ++i) {
    config.groups.push_back(static_cast<gid_t>(number(groups[i])));
  }
  config.environment = texts(member(process, "env"));
  if (const auto workdir = text(member(process, "cwd")); !workdir.empty()) config.workdir = workdir;
  config.capabilities = FCVM_TRY(capability_sets(member(process, "capabilities")));
  const Json& confined = member(process, "noNewPrivileges");
  config.no_new_privileges = confined.is_boolean() && confined.get<bool>();
  const Json& limits = member(process, "rlimits");
  for (std::size_t i = 0; limits.is_array() && i < limits.size(); ++i) {
    const int which = FCVM_TRY(limit_number(text(member(limits[i], "type"))));
    config.limits.push_back(
        {which, {number(member(limits[i], "soft")), number(member(limits[i], "hard"))}});
  }
  return {};
}

Result<std::vector<sock_filter>> read_filter(const std::string& path) {
  const std::string bytes = FCVM_TRY(base::read_file(path, BPF_MAXINSNS * sizeof(sock_filter)));
  if (bytes.empty() || bytes.size() % sizeof(sock_filter) != 0) {
    return fail(EBADMSG, path + " holds no seccomp filter");
  }
  std::vector<sock_filter> filter(bytes.size() / sizeof(sock_filter));
  std::memcpy(filter.data(), bytes.data(), bytes.size());
  return filter;
}

/// Where crun keeps its own copies, of the very run whose process this is: podman rewrites its file
/// at each start.
Result<std::string> runtime_directory(pid_t pid, const std::string& id) {
  const std::string directory = "/run/crun/" + id;
  const std::string status = FCVM_TRY(base::read_file(directory + "/status", kLargestConfig));
  if (number(member(Json::parse(status, nullptr, false), "pid")) !=
      static_cast<std::uint64_t>(pid)) {
    return fail(ESTALE, directory + "/status is not about process " + std::to_string(pid));
  }
  return directory;
}

Result<std::string> id_of(pid_t pid) {
  auto id = podman_id(FCVM_TRY(base::read_file("/proc/" + std::to_string(pid) + "/cgroup")));
  if (id.empty()) return fail(ENOENT, "the container's cgroup is not one of podman's");
  return id;
}

}  // namespace

Result<OciConfig> parse_oci_config(std::string_view json, bool& wants_seccomp) {
  const Json all = Json::parse(json, nullptr, false);
  const Json& process = member(all, "process");
  if (!process.is_object()) return fail(EBADMSG, "it is not an OCI configuration");
  OciConfig config;
  config.hostname = text(member(all, "hostname"));
  FCVM_TRY(read_process(process, config));
  const Json& linux_part = member(all, "linux");
  FCVM_TRY(check_namespaces(member(linux_part, "namespaces")));
  const Json& seccomp = member(linux_part, "seccomp");
  wants_seccomp = seccomp.is_object();
  config.seccomp_flags = FCVM_TRY(filter_flags(seccomp));
  return config;
}

int parse_stop_signal(std::string_view json) {
  const Json all = Json::parse(json, nullptr, false);
  const auto text = member(member(all, "annotations"), "org.opencontainers.image.stopSignal");
  if (!text.is_string()) return 0;
  const std::string number = text.get<std::string>();
  int signal = 0;
  std::from_chars(number.data(), number.data() + number.size(), signal);
  return signal > 0 && signal < NSIG ? signal : 0;
}

std::string podman_id(std::string_view cgroup) {
  constexpr std::string_view kPrefix = "libpod-";
  for (auto at = cgroup.find(kPrefix); at != std::string_view::npos;
       at = cgroup.find(kPrefix, at + 1)) {
    const auto id = cgroup.substr(at + kPrefix.size(), kIdLength);
    const bool whole = id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (id.size() == kIdLength && whole) return std::string(id);
  }
  return {};
}

Result<OciConfig> read_oci_config(pid_t pid) {
  const std::string id = FCVM_TRY(id_of(pid));
  const std::string directory = FCVM_TRY(runtime_directory(pid, id));
  const std::string json = FCVM_TRY(base::read_file(directory + "/config.json", kLargestConfig));
  bool wants_seccomp = false;
  OciConfig config = FCVM_TRY(parse_oci_config(json, wants_seccomp) |
                              context("reading " + directory + "/config.json"));
  if (wants_seccomp) config.seccomp = FCVM_TRY(read_filter(directory + "/seccomp.bpf"));
  config.id = id;
  return config;
}

int read_stop_signal(pid_t pid) {
  const auto read = [pid]() -> Result<std::string> {
    const std::string id = FCVM_TRY(id_of(pid));
    const std::string directory = FCVM_TRY(runtime_directory(pid, id));
    return base::read_file(directory + "/config.json", kLargestConfig);
  };
  const auto json = read();
  const int signal = json ? parse_stop_signal(*json) : 0;
  return signal != 0 ? signal : SIGTERM;
}

std::vector<std::string> exec_environment(const OciConfig& config, const std::string& home,
                                          const std::vector<std::string>& given) {
  std::vector<std::string> environment = config.environment;
  const auto drop_last = [&](const std::string& entry) {
    if (environment.empty() || environment.back() != entry) return;
    if (std::find(given.begin(), given.end(), entry) == given.end()) environment.pop_back();
  };
  drop_last("HOSTNAME=" + config.hostname);
  drop_last("HOME=" + home);
  return environment;
}

}  // namespace fcvm::agent
