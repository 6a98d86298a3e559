// Users and groups out of /etc/passwd and /etc/group, without NSS: the agent is static, and the
// files that count are the container's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::agent {

struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string home;  // empty when no line of passwd tells it
};

/// `user` as podman takes it: "name", "uid", either with ":group" or ":gid". The arguments are the
/// texts of the two files. ENOENT for a name that is not there; an unknown number is allowed.
Result<Account> find_account(const std::string& user, std::string_view passwd,
                             std::string_view group);

/// What a user is called in the text of /etc/passwd, or a group in that of /etc/group; empty when
/// no line tells it.
std::string name_of_id(std::uint32_t id, std::string_view file);

}  // namespace fcvm::agent
