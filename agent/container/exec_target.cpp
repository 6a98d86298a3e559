// See exec_target.hpp.
#include "agent/container/exec_target.hpp"

#include <algorithm>
#include <sys/stat.h>

#include "agent/container/accounts.hpp"
#include "agent/container/container_files.hpp"
#include "agent/files/order.hpp"
#include "agent/session/copy_task.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent {
namespace {

// Not ENOENT when the name is unknown: that would say that the program is missing.
Result<Account> account_of(const std::string& user, pid_t container) {
  auto account = find_account(user, read_in_root(container, "etc/passwd"),
                              read_in_root(container, "etc/group"));
  if (!account) return fail(EINVAL, account.error().message());
  return *account;
}

bool sets_home(const std::string& entry) { return entry.starts_with("HOME="); }

void provide_home(std::vector<std::string>& environment, const std::string& home) {
  if (std::none_of(environment.begin(), environment.end(), sets_home)) {
    environment.push_back("HOME=" + home);
  }
}

// One guest, one plan.
std::vector<std::string>& planned_environment() {
  static std::vector<std::string> settings;
  return settings;
}

// At a start podman adds the user's own group to the others, and for an exec it does not.
std::vector<gid_t> own_groups(const OciConfig& config, const Account& own) {
  std::vector<gid_t> groups = config.groups;
  const bool member =
      std::find(own.groups.begin(), own.groups.end(), config.gid) != own.groups.end();
  if (!member) std::erase(groups, config.gid);
  return groups;
}

/// Who a request is done as, in a container.
struct Identity {
  Account own;      // the container's user
  Account account;  // the request's
  Credentials credentials;
};

Result<Identity> identity_of(const wire::ExecRequest& request, const ExecContainer& container,
                             const wire::ContainerSpec* spec) {
  const OciConfig& config = *container.config;
  const bool chosen = !request.user.empty() && (spec == nullptr || request.user != spec->user);
  Identity identity;
  identity.own = FCVM_TRY(account_of(std::to_string(config.uid), container.pid));
  identity.account = identity.own;
  if (!request.user.empty()) {
    identity.account = FCVM_TRY(account_of(request.user, container.pid));
  }
  Credentials& credentials = identity.credentials;
  credentials.uid = request.user.empty() ? config.uid : identity.account.uid;
  credentials.gid = request.user.empty() ? config.gid : identity.account.gid;
  credentials.groups =
      request.user.empty() ? own_groups(config, identity.own) : identity.account.groups;
  credentials.umask = config.umask;
  credentials.no_new_privileges = config.no_new_privileges;
  credentials.capabilities = exec_capabilities(config, credentials.uid, chosen, request.privileged);
  return identity;
}

Result<void> join_container(const wire::ExecRequest& request, const ExecContainer& container,
                            const wire::ContainerSpec* spec, ProcessOptions& options) {
  const OciConfig& config = *container.config;
  Identity identity = FCVM_TRY(identity_of(request, container, spec));
  options.container = container.pid;
  options.credentials = std::move(identity.credentials);
  options.limits = config.limits;
  options.seccomp = config.seccomp;
  options.seccomp_flags = config.seccomp_flags;
  if (options.workdir.empty()) options.workdir = config.workdir;
  options.environment =
      exec_environment(config, identity.own.home.empty() ? "/" : identity.own.home,
                       spec != nullptr ? spec->environment : std::vector<std::string>{});
  if (request.tty) override_environment(options.environment, {"TERM=xterm"});
  override_environment(options.environment, request.environment);
  provide_home(options.environment, identity.account.home);
  return {};
}

Credentials credentials_of(const Account& account) {
  Credentials credentials;
  credentials.uid = account.uid;
  credentials.gid = account.gid;
  credentials.groups = account.groups;
  return credentials;
}

Result<void> stay_in_guest(const wire::ExecRequest& request, ProcessOptions& options) {
  options.environment = guest_environment();
  if (request.tty) override_environment(options.environment, {"TERM=xterm"});
  override_environment(options.environment, request.environment);
  if (request.user.empty()) return {};
  const Account account = FCVM_TRY(account_of(request.user, 0));
  options.credentials = credentials_of(account);
  return {};
}

void leave_to_podman(const wire::ExecRequest& request, const std::string& container,
                     ProcessOptions& options) {
  options.command = podman_exec(request, container);
  options.environment = guest_environment();
  if (request.tty) override_environment(options.environment, {"TERM=xterm"});
  options.workdir.clear();
}

// Into what nobody can read the configuration of, too: only an owner and a directory come from it.
Result<ExecPlan> plan_copy(const wire::ExecRequest& request, const ExecContainer& container) {
  const bool guest = request.place == wire::ExecPlace::kGuest;
  if (!guest && container.pid <= 0) {
    return fail(ESRCH, "copying: the container does not run", "start it first");
  }
  ExecPlan plan;
  std::pair<uid_t, gid_t> owner;
  struct stat process {};
  if (!guest && container.config) {
    owner = {container.config->uid, container.config->gid};
    plan.options.workdir = container.config->workdir;
  } else if (!guest && ::stat(("/proc/" + std::to_string(container.pid)).c_str(), &process) == 0) {
    owner = {process.st_uid, process.st_gid};
  }
  plan.options.command = {"a copy"};
  plan.options.container = guest ? 0 : container.pid;
  plan.options.stdin_open = request.interactive;
  plan.options.task = [order = request.copy, owner] { return run_copy(order, owner); };
  plan.way = "a copy";
  return plan;
}

/// The only thing that may be missing is the user, or what tells who that is.
Result<Identity> identity_for_files(const wire::ExecRequest& request,
                                    const ExecContainer& container,
                                    const wire::ContainerSpec* spec) {
  if (request.place == wire::ExecPlace::kGuest) {
    const std::string user = request.user.empty() ? "0" : request.user;
    const Account account = FCVM_TRY(account_of(user, 0));
    return Identity{account, account, credentials_of(account)};
  }
  if (container.pid <= 0) {
    return fail(ESRCH, "files: the container does not run", "start it first");
  }
  if (!container.config) {
    return fail(ENOTSUP, "files: the container's users are not the guest's, or not known: " +
                             container.config.error().message());
  }
  return identity_of(request, container, spec);
}

Result<ExecPlan> plan_files(const wire::ExecRequest& request, const ExecContainer& container,
                            const wire::ContainerSpec* spec) {
  auto identity = identity_for_files(request, container, spec);
  // EINVAL is what account_of() says of names.
  if (!identity && identity.error().code() == EINVAL) {
    return fail(wire::kNoSuchUser, identity.error().message());
  }
  if (!identity) return Unexpected(identity.error());
  ExecPlan plan;
  plan.options.command = {"an order about files"};
  plan.options.container = request.place == wire::ExecPlace::kGuest ? 0 : container.pid;
  plan.options.credentials = std::move(identity->credentials);
  plan.options.stdin_open = request.interactive;
  plan.options.task = [order = request.files, home = identity->account.home] {
    return run_files(order, home);
  };
  plan.way = "files";
  return plan;
}

std::string name_of(const ExecContainer& container, const wire::ContainerSpec* spec) {
  const auto cgroup =
      base::read_file("/proc/" + std::to_string(container.pid) + "/cgroup").value_or("");
  if (auto id = podman_id(cgroup); !id.empty()) return id;
  return spec != nullptr ? spec->name : std::string();
}

}  // namespace

std::vector<std::string> guest_environment() {
  std::vector<std::string> environment = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
      "LANG=C.UTF-8", "TMPDIR=/var/tmp", "XDG_RUNTIME_DIR=/run"};
  override_environment(environment, planned_environment());
  return environment;
}

void extend_guest_environment(std::vector<std::string> settings) {
  planned_environment() = std::move(settings);
}

void override_environment(std::vector<std::string>& environment,
                          const std::vector<std::string>& settings) {
  for (const auto& setting : settings) {
    const std::string name = setting.substr(0, setting.find('=')) + "=";
    const auto has_name = [&](const auto& entry) { return entry.starts_with(name); };
    const auto found = std::find_if(environment.begin(), environment.end(), has_name);
    if (setting.find('=') == std::string::npos) {
      std::erase_if(environment, has_name);
    } else if (found == environment.end()) {
      environment.push_back(setting);
    } else {
      *found = setting;
    }
  }
}

CapabilitySets exec_capabilities(const OciConfig& config, uid_t uid, bool chosen, bool privileged) {
  CapabilitySets sets = config.capabilities;
  if (privileged) sets.bounding = bounding_capabilities();
  sets.inheritable = 0;
  if (uid == 0) {
    sets.effective = sets.permitted = sets.bounding;
  } else if (!chosen) {
    sets.permitted = sets.inheritable = sets.ambient = sets.effective;
  }
  return sets;
}

std::vector<std::string> podman_exec(const wire::ExecRequest& request,
                                     const std::string& container) {
  std::vector<std::string> command = {"podman", "exec"};
  if (request.interactive) command.push_back("--interactive");
  // Detaching is the host's: what it passes on is for the command.
  if (request.interactive) command.push_back("--detach-keys=");
  if (request.tty) command.push_back("--tty");
  if (request.privileged) command.push_back("--privileged");
  if (!request.user.empty()) command.push_back("--user=" + request.user);
  if (!request.workdir.empty()) command.push_back("--workdir=" + request.workdir);
  for (const auto& setting : request.environment) command.push_back("--env=" + setting);
  if (container.empty()) {
    command.push_back("--latest");
  } else {
    command.push_back(container);
  }
  command.insert(command.end(), request.command.begin(), request.command.end());
  return command;
}

Result<ExecPlan> plan_exec(const wire::ExecRequest& request, const ExecContainer& container,
                           const wire::ContainerSpec* spec) {
  if (request.copy.direction != wire::CopyDirection::kNone) return plan_copy(request, container);
  if (request.files.operation != wire::FileOperation::kNone) {
    return plan_files(request, container, spec);
  }
  if (request.command.empty()) return fail(EINVAL, "exec: the command is empty");
  ExecPlan plan;
  ProcessOptions& options = plan.options;
  options.command = request.command;
  options.workdir = request.workdir;
  options.tty = request.tty;
  options.rows = request.rows;
  options.columns = request.columns;
  options.stdin_open = request.interactive;
  options.detach_streams = request.detach;
  if (request.place == wire::ExecPlace::kGuest) {
    FCVM_TRY(stay_in_guest(request, options));
    plan.way = "in the guest";
  } else if (container.pid <= 0) {
    return fail(ESRCH, "exec: the container does not run");
  } else if (container.config) {
    FCVM_TRY(join_container(request, container, spec, options));
    plan.way = "joined the container";
  } else {
    leave_to_podman(request, name_of(container, spec), options);
    plan.way = "by podman exec: " + container.config.error().message();
  }
  return plan;
}

}  // namespace fcvm::agent
