// See adapt.hpp. What podman writes for which option was read off podman 5.4, and
// tests/vm/fast_start_test.sh compares it with the podman that is there.
#include "agent/container/fast/adapt.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <set>

#include "agent/container/podman.hpp"

namespace fcvm::agent::fast {
namespace {

using Words = std::vector<std::string>;

// What podman says of a container for which nothing is left to do here. Whatever else it says
// (volumes, a health check, systemd in the container) is its own to do.
const std::set<std::string>& known_settings() {
  static const std::set<std::string> known = {"spec",
                                              "id",
                                              "name",
                                              "lockID",
                                              "CreateCommand",
                                              "RawImageName",
                                              "idMappingsOptions",
                                              "Dependencies",
                                              "rootfsImageID",
                                              "rootfsImageName",
                                              "ShmDir",
                                              "shmSize",
                                              "shmSizeSystemd",
                                              "staticDir",
                                              "mounts",
                                              "createWorkingDir",
                                              "secretsPath",
                                              "storageOpts",
                                              "passwd",
                                              "privileged",
                                              "labelopts",
                                              "label_nested",
                                              "createNetNS",
                                              "UseImageResolvConf",
                                              "useImageHostname",
                                              "UseImageHosts",
                                              "command",
                                              "entrypoint",
                                              "labels",
                                              "user",
                                              "stdin",
                                              "stopSignal",
                                              "stopTimeout",
                                              "createdTime",
                                              "cgroupManager",
                                              "cgroupsMode",
                                              "cgroupParent",
                                              "kubeExitCodePropagation",
                                              "logPath",
                                              "logTag",
                                              "logSize",
                                              "logDriver",
                                              "conmonPidFile",
                                              "postConfigureNetNS",
                                              "runtime",
                                              "pause",
                                              "isService",
                                              "sdnotifyMode",
                                              "healthcheck",
                                              "healthcheck_on_failure_action",
                                              "healthLogDestination",
                                              "healthMaxLogCount",
                                              "healthMaxLogSize",
                                              "umask",
                                              "pid_file",
                                              "mountAllDevices",
                                              "readWriteTmpfs",
                                              "exposedPorts"};
  return known;
}

Result<void> check_recorded(const Json& config) {
  for (const auto& [name, value] : config.items()) {
    if (!known_settings().contains(name)) {
      return fail(ENOTSUP, "the image's container has the setting " + name);
    }
  }
  if (!config.value("healthcheck", Json()).is_null()) {
    return fail(ENOTSUP, "the image has a health check");
  }
  return {};
}

std::string name_of(const std::string& setting) { return setting.substr(0, setting.find('=')); }

bool has_name(const Words& environment, const std::string& name) {
  return std::any_of(environment.begin(), environment.end(),
                     [&](const auto& entry) { return name_of(entry) == name; });
}

void set_variable(Words& environment, const std::string& setting) {
  const auto same = [&](const auto& entry) { return name_of(entry) == name_of(setting); };
  const auto found = std::find_if(environment.begin(), environment.end(), same);
  if (found == environment.end()) {
    environment.push_back(setting);
  } else {
    *found = setting;
  }
}

Words environment_of(const Json& process, const wire::ContainerSpec& spec) {
  auto environment = process.at("env").get<Words>();
  for (const auto& setting : spec.environment) set_variable(environment, setting);
  if (spec.tty && !has_name(environment, "TERM")) environment.emplace_back("TERM=xterm");
  if (!spec.hostname.empty() && !has_name(environment, "HOSTNAME")) {
    environment.push_back("HOSTNAME=" + spec.hostname);
  }
  return environment;
}

constexpr char kNoCommand[] = "/fcvm/no-command";  // the recording's, of an image without one

void set_words(Json& config, const char* name, const Words& words) {
  if (words.empty()) {
    config.erase(name);
  } else {
    config[name] = words;
  }
}

// Podman looks behind `sh -c`, too; to be wrong here costs a second.
bool names_init(const std::string& word) {
  const std::string program = word.substr(word.rfind('/') + 1);
  return program == "systemd" || program == "init";
}

// An entry point that is given takes the image's command away, too.
Result<void> set_command(Json& config, const wire::ContainerSpec& spec) {
  auto entrypoint = config.value("entrypoint", Words());
  auto command = config.value("command", Words());
  if (command == Words{kNoCommand}) command.clear();
  if (spec.has_entrypoint) {
    entrypoint = spec.entrypoint.empty() ? Words{""} : spec.entrypoint;
    command.clear();
  }
  if (!spec.command.empty()) command = spec.command;
  Words arguments = entrypoint == Words{""} ? Words() : entrypoint;
  arguments.insert(arguments.end(), command.begin(), command.end());
  if (arguments.empty() || arguments[0].empty()) return fail(ENOTSUP, "it has no command");
  for (const auto& word : arguments) {
    if (names_init(word)) return fail(ENOTSUP, "podman starts " + word + " in a way of its own");
  }
  set_words(config, "entrypoint", entrypoint);
  set_words(config, "command", command);
  config["spec"]["process"]["args"] = arguments;
  return {};
}

// Podman asks for the user's name as it is written, and not for who it is.
void set_capabilities(Json& process, const std::string& user) {
  Json& all = process.at("capabilities");
  const std::string name = user.substr(0, user.find(':'));
  const bool root = name.empty() || name == "root" || name == "0";
  for (const char* set : {"effective", "permitted"}) {
    if (root) {
      all[set] = all.at("bounding");
    } else {
      all.erase(set);
    }
  }
}

void set_labels(Json& config, const Words& labels) {
  for (const auto& label : labels) {
    const auto equals = label.find('=');
    config["labels"][name_of(label)] =
        equals == std::string::npos ? std::string() : label.substr(equals + 1);
  }
}

Result<void> set_config(Template& made, const wire::BootPlan& plan, const std::string& created) {
  const wire::ContainerSpec& spec = plan.container;
  Json& config = made.config;
  FCVM_TRY(check_recorded(config));
  if (!spec.image.ends_with(config.at("rootfsImageID").get<std::string>())) {
    return fail(ENOTSUP, "the store has another image");
  }
  Json& process = config.at("spec").at("process");
  FCVM_TRY(set_command(config, spec));
  process["env"] = environment_of(process, spec);
  if (spec.tty) process["terminal"] = true;
  if (!spec.workdir.empty()) {
    process["cwd"] = spec.workdir;
    config.erase("createWorkingDir");
  }
  if (!spec.user.empty()) config["user"] = spec.user;
  set_capabilities(process, config.value("user", ""));
  set_labels(config, spec.labels);
  config["spec"]["hostname"] = spec.hostname.empty() ? plan.hostname : spec.hostname;
  config["name"] = spec.name;
  config["createdTime"] = created;
  config["CreateCommand"] = podman_run(spec);
  config["RawImageName"] = spec.image;
  if (spec.interactive) config["stdin"] = true;
  if (spec.tty) config["logDriver"] = "none";
  Json& container = made.containers[0];
  Json metadata = Json::parse(container.at("metadata").get<std::string>());
  metadata["name"] = spec.name;
  metadata["created-at"] = std::time(nullptr);
  container["metadata"] = metadata.dump();
  container["names"] = Words{spec.name};
  container["created"] = created;
  made.layers[0]["names"] = Words{spec.name + "-layer"};
  made.layers[0]["created"] = created;
  return {};
}

Result<void> set_oci(Template& made, const Account& account) {
  const Json& wanted = made.config.at("spec");
  Json& process = made.oci.at("process");
  const std::string user = user_of(made);
  for (const char* same : {"args", "cwd", "capabilities"}) {
    process[same] = wanted.at("process").at(same);
  }
  if (wanted.at("process").contains("terminal")) process["terminal"] = true;
  made.oci["hostname"] = wanted.at("hostname");
  auto environment = wanted.at("process").at("env").get<Words>();
  const std::string home = account.home.empty() ? "/" : account.home;
  if (!has_name(environment, "HOME")) environment.push_back("HOME=" + home);
  if (!has_name(environment, "HOSTNAME")) {
    environment.push_back("HOSTNAME=" + wanted.at("hostname").get<std::string>());
  }
  process["env"] = environment;
  std::vector<gid_t> groups;
  if (!user.empty()) groups.push_back(account.gid);
  for (const gid_t group : account.groups) {
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  process["user"]["uid"] = user.empty() ? 0 : account.uid;
  process["user"]["gid"] = user.empty() ? 0 : account.gid;
  process["user"].erase("additionalGids");
  if (!groups.empty()) process["user"]["additionalGids"] = groups;
  return {};
}

std::optional<std::uint32_t> as_number(const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Whether a line of the file has this in its first or third column.
bool is_listed(const std::string& file, const std::string& name) {
  for (std::size_t at = 0; at < file.size();) {
    const auto end = std::min(file.find('\n', at), file.size());
    const std::string line = file.substr(at, end - at);
    at = end + 1;
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    if (line.substr(0, first) == name) return true;
    if (line.substr(second + 1, line.find(':', second + 1) - second - 1) == name) return true;
  }
  return false;
}

}  // namespace

Result<void> check_plan(const wire::BootPlan& plan) {
  const wire::ContainerSpec& spec = plan.container;
  if (spec.source.delivery != wire::ImageDelivery::kStore)
    return fail(ENOTSUP, "there is no store");
  const auto stores = std::count_if(plan.disks.begin(), plan.disks.end(), [](const auto& disk) {
    return disk.role == wire::DiskRole::kImage;
  });
  if (stores != 1) return fail(ENOTSUP, "there are several stores");
  if (spec.privileged) return fail(ENOTSUP, "it is privileged");
  if (!spec.volumes.empty()) return fail(ENOTSUP, "it has volumes");
  if (!spec.podman_options.empty()) {
    return fail(ENOTSUP, "it has the option " + spec.podman_options[0]);
  }
  for (const auto& label : spec.labels) {
    for (const char* read_by_podman : {"io.containers.", "io.podman.", "run.oci."}) {
      if (label.starts_with(read_by_podman))
        return fail(ENOTSUP, "podman heeds its label " + label);
    }
  }
  if (!plan.environment.empty()) return fail(ENOTSUP, "it gets the guest's proxies");
  if (spec.name.empty()) return fail(ENOTSUP, "it has no name");
  for (const auto& setting : spec.environment) {
    if (setting.find('=') == std::string::npos || setting.starts_with('=')) {
      return fail(ENOTSUP, "its variable " + setting + " has no value");
    }
  }
  if (!spec.workdir.empty() && spec.workdir[0] != '/') {
    return fail(ENOTSUP, "its working directory is relative");
  }
  return {};
}

Result<void> adapt_config(Template& made, const wire::BootPlan& plan, const std::string& created) {
  return guarded([&] { return set_config(made, plan, created); });
}

std::string user_of(const Template& made) { return made.config.value("user", ""); }

std::string passwd_entry(const std::string& user, const std::string& passwd,
                         const std::string& group, const std::string& workdir) {
  const auto colon = user.find(':');
  const std::string name = user.substr(0, colon);
  const auto uid = as_number(name);
  if (!uid || is_listed(passwd, name)) return {};
  gid_t gid = 0;
  if (const auto account = find_account(user, passwd, group)) gid = account->gid;
  const std::string number = std::to_string(*uid);
  return number + ":*:" + number + ":" + std::to_string(gid) + ":container user:" + workdir +
         ":/bin/sh\n";
}

std::string group_entry(const std::string& user, const std::string& group) {
  const auto colon = user.find(':');
  const std::string name = colon == std::string::npos ? user : user.substr(colon + 1);
  const auto gid = as_number(name);
  if (!gid || is_listed(group, name)) return {};
  const std::string number = std::to_string(*gid);
  return number + ":x:" + number + ":" + user.substr(0, colon) + "\n";
}

Result<void> adapt_oci(Template& made, const Account& account) {
  return guarded([&] { return set_oci(made, account); });
}

Result<void> adapt_conmon(Template& made, const wire::ContainerSpec& spec,
                          const std::string& console_socket) {
  auto& words = made.conmon;
  const auto name = std::find(words.begin(), words.end(), "-n");
  if (name == words.end() || name + 1 == words.end()) {
    return fail(EBADMSG, "conmon was started without a name");
  }
  *(name + 1) = spec.name;
  words.insert(words.begin(), "/usr/bin/conmon");
  // So that it stays a child of the agent's.
  words.emplace_back("--sync");
  if (spec.tty) {
    // The terminal comes to the agent, without a relay in between.
    words.push_back("--runtime-opt=--console-socket=" + console_socket);
  } else if (spec.interactive) {
    words.emplace_back("-i");
  }
  return {};
}

Result<void> adapt_state(Template& made, pid_t pid, pid_t conmon, const std::string& started) {
  constexpr int kRunning = 3;
  return guarded([&]() -> Result<void> {
    Json& state = made.state;
    const auto static_directory = made.config.at("staticDir").get<std::string>();
    state["state"] = kRunning;
    state["configPath"] = static_directory + "/config.json";
    state["mounted"] = true;
    state["mountPoint"] = made.oci.at("root").at("path");
    state["startedTime"] = started;
    state["pid"] = pid;
    state["conmonPid"] = conmon;
    for (const auto& mount : made.oci.at("mounts")) {
      if (mount.at("type") != "bind") continue;
      state["bindMounts"][mount.at("destination").get<std::string>()] = mount.at("source");
    }
    return {};
  });
}

std::string time_text(std::chrono::system_clock::time_point when) {
  const auto since = when.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds).count();
  const std::time_t whole = seconds.count();
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  char text[64];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string nanoseconds = std::to_string(rest);
  return std::string(text, size) + "." + std::string(9 - nanoseconds.size(), '0') + nanoseconds +
         "Z";
}

}  // namespace fcvm::agent::fast
