// See jail_prepare.hpp.
#include "core/base/jail/jail_prepare.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "core/base/jail/jail_filter.hpp"
#include "core/base/process/spawn_child.hpp"

namespace fcvm::base {

namespace {

constexpr int kFailureMask = (1 << kJailDetailShift) - 1;

JailFailure failure_in(int detail) { return static_cast<JailFailure>(detail & kFailureMask); }

}  // namespace

Result<PreparedJail> PreparedJail::from(const Jail& jail, bool enters_user_namespace) {
  PreparedJail prepared;
  for (const auto& [at, entry] : jail.entries()) FCVM_TRY(prepared.add_entry(at.substr(1), entry));
  prepared.add_directories("dev/x");
  prepared.directory_ = jail.directory;
  prepared.own_network_ = jail.own_network;
  prepared.uid_ = jail.uid;
  prepared.own_user_namespace_ = !jail.uid && !enters_user_namespace;
  const auto map = [](auto id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
  prepared.uid_map_ = map(::geteuid());
  prepared.gid_map_ = map(::getegid());
  auto landlock = jail.landlock();
  if (landlock) {
    prepared.landlock_ = *std::move(landlock);
  } else if (landlock.error().code() == ENOSYS || landlock.error().code() == EOPNOTSUPP) {
    prepared.without_landlock_ = landlock.error().message();
  } else {
    return unexpected(std::move(landlock).error());
  }
  return prepared;
}

const char* PreparedJail::keep(std::string text) {
  return texts_.emplace_back(std::move(text)).c_str();
}

void PreparedJail::add_step(JailStep::Kind kind, const std::string& at, const std::string& from) {
  steps_.push_back({kind, keep(at), keep(from), false, 0, 0});
}

/// Those that `at` lies in.
void PreparedJail::add_directories(const std::string& at) {
  for (std::size_t end = at.find('/'); end != std::string::npos; end = at.find('/', end + 1)) {
    const std::string directory = at.substr(0, end);
    if (std::find(made_.begin(), made_.end(), directory) != made_.end()) continue;
    made_.push_back(directory);
    add_step(JailStep::Kind::kDirectory, directory, "");
  }
}

Result<void> PreparedJail::add_entry(const std::string& at, const Jail::Entry& entry) {
  add_directories(at);
  if (entry.kind == JailStep::Kind::kBind) {
    struct stat status {};
    if (::stat(entry.from.c_str(), &status) != 0) {
      return fail_errno("looking at " + entry.from + ", which a jail is to have");
    }
    add_step(S_ISDIR(status.st_mode) ? JailStep::Kind::kDirectory : JailStep::Kind::kFile, at, "");
  }
  add_step(entry.kind, at, entry.from);
  made_.push_back(at);  // whatever it is, directories in it are its own
  JailStep& step = steps_.back();
  step.writable = entry.access == Jail::Access::kWrite;
  step.mode = entry.mode;
  step.number = entry.number;
  return {};
}

JailPlan PreparedJail::plan(bool namespaces) const {
  return {.steps = steps_,
          .namespaces = namespaces,
          .own_user_namespace = own_user_namespace_,
          .uid_map = uid_map_.c_str(),
          .gid_map = gid_map_.c_str(),
          .own_network = own_network_,
          .directory = directory_.empty() ? nullptr : directory_.c_str(),
          .device_owner = uid_.value_or(0),
          .privileged = uid_.has_value(),
          .landlock = landlock_ ? landlock_->fd() : -1,
          .filter = jail_filter()};
}

std::string PreparedJail::describe(int detail) const {
  const auto index = static_cast<std::size_t>(detail >> kJailDetailShift);
  switch (failure_in(detail)) {
    case JailFailure::kNamespaces:
      return "making the jail's namespaces";
    case JailFailure::kMaps:
      return "mapping its user into the jail's user namespace";
    case JailFailure::kRoot:
      return "making the jail's root directory";
    case JailFailure::kProc:
      return "mounting the jail's /proc";
    case JailFailure::kStep:
      return std::string("putting /") + steps_[index].at + " into its jail";
    case JailFailure::kEnter:
      return "entering the jail's root directory";
    case JailFailure::kDirectory:
      return "changing directory to " + directory_ + " in its jail";
    case JailFailure::kCapabilities:
      return "dropping its capabilities";
    case JailFailure::kLandlock:
      return "confining it by Landlock";
    case JailFailure::kFilter:
      return "installing the jail's seccomp filter";
  }
  return "making its jail";
}

bool PreparedJail::refuses_namespaces(int detail, int error) {
  // A kernel from before mount_setattr; a host that runs from its initramfs, which has no
  // pivot_root.
  if (error == ENOSYS) return true;
  const JailFailure failure = failure_in(detail);
  if (failure > JailFailure::kProc && failure != JailFailure::kEnter) return false;
  return error == EPERM || error == EACCES || error == ENOSPC || error == ENOSYS ||
         error == EINVAL || error == EUSERS;
}

}  // namespace fcvm::base
