// Reading passwd and group; see accounts.hpp.
#include "agent/container/accounts.hpp"

#include <charconv>
#include <cstdint>
#include <functional>

namespace fcvm::agent {
namespace {

constexpr std::uint32_t kLargestId = 2147483647;

using Columns = std::vector<std::string_view>;

Columns split(std::string_view text, char separator) {
  Columns columns;
  for (;;) {
    const auto end = text.find(separator);
    columns.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return columns;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::uint32_t> as_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  // As podman has it. The kernel takes the largest number for "no change", which would be root.
  if (value > kLargestId) return std::nullopt;
  return value;
}

void each_line(std::string_view file, std::size_t columns,
               const std::function<void(const Columns&)>& use) {
  for (const auto line : split(file, '\n')) {
    const Columns fields = split(line, ':');
    if (fields.size() >= columns) use(fields);
  }
}

// The first line that matches wins, as in the C library.
void look_up_user(std::string_view name, std::string_view passwd, Account& account, bool& found) {
  const auto number = as_number(name);
  each_line(passwd, 6, [&](const Columns& line) {
    const auto uid = as_number(line[2]);
    if (found || !uid || !(line[0] == name || (number && uid == number))) return;
    found = true;
    account.uid = *uid;
    account.gid = as_number(line[3]).value_or(0);
    if (!line[5].empty()) account.home = line[5];
    name = line[0];
  });
  if (!found && number) {
    account.uid = *number;
    found = true;
  }
}

void add_groups(const std::string& name, std::string_view group, Account& account) {
  if (name.empty()) return;
  each_line(group, 4, [&](const Columns& line) {
    const auto gid = as_number(line[2]);
    for (const auto member : split(line[3], ',')) {
      if (gid && member == name) account.groups.push_back(*gid);
    }
  });
}

Result<gid_t> look_up_group(std::string_view name, std::string_view group) {
  std::optional<gid_t> found = as_number(name);
  each_line(group, 3, [&](const Columns& line) {
    if (line[0] == name && as_number(line[2])) found = as_number(line[2]);
  });
  if (found) return *found;
  return fail(ENOENT,
              "looking up the group " + std::string(name) + ": there is none in /etc/group");
}

}  // namespace

std::string name_of_id(std::uint32_t id, std::string_view file) {
  std::string name;
  each_line(file, 3, [&](const Columns& line) {
    if (name.empty() && as_number(line[2]) == id) name = line[0];
  });
  return name;
}

Result<Account> find_account(const std::string& user, std::string_view passwd,
                             std::string_view group) {
  const auto colon = user.find(':');
  const std::string name = user.substr(0, colon);
  Account account;
  bool found = name.empty();
  if (!found) look_up_user(name, passwd, account, found);
  if (!found) {
    return fail(ENOENT, "looking up the user " + name +
                            ": there is none in /etc/passwd, and numbers go up to " +
                            std::to_string(kLargestId));
  }
  if (colon != std::string::npos) {
    account.gid = FCVM_TRY(look_up_group(std::string_view(user).substr(colon + 1), group));
  } else {
    add_groups(name_of_id(account.uid, passwd), group, account);
  }
  return account;
}

}  // namespace fcvm::agent
