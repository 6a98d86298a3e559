// PreparedJail: owns what the child needs to make a jail, worked out before the clone. Internal to
// spawn.cpp.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/jail/jail_child.hpp"
#include "core/base/jail/landlock.hpp"

namespace fcvm::base {

class PreparedJail {
 public:
  /// `enters_user_namespace`: it is given one, so that it needs none of its own.
  [[nodiscard]] static Result<PreparedJail> from(const Jail& jail, bool enters_user_namespace);

  /// Good for one clone, since the child writes into it.
  [[nodiscard]] JailPlan plan(bool namespaces) const;

  /// Why there is no Landlock, or "".
  [[nodiscard]] const std::string& without_landlock() const { return without_landlock_; }
  /// What the child was doing, from its report's detail.
  [[nodiscard]] std::string describe(int detail) const;
  /// Whether that is the host's refusal of namespaces, rather than a mistake in what was asked for.
  [[nodiscard]] static bool refuses_namespaces(int detail, int error);

 private:
  const char* keep(std::string text);
  void add_step(JailStep::Kind kind, const std::string& at, const std::string& from);
  Result<void> add_entry(const std::string& at, const Jail::Entry& entry);
  void add_directories(const std::string& at);

  std::list<std::string> texts_;  // which steps_ points to
  std::vector<JailStep> steps_;
  std::vector<std::string> made_;  // directories, as steps
  std::string directory_;
  std::string uid_map_;
  std::string gid_map_;
  bool own_user_namespace_ = false;
  bool own_network_ = false;
  std::optional<uid_t> uid_;
  std::optional<Landlock> landlock_;
  std::string without_landlock_;
};

}  // namespace fcvm::base
