// See copy_task.hpp.
#include "agent/session/copy_task.hpp"

#include <string>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/copy/pack.hpp"
#include "core/copy/transfer.hpp"

namespace fcvm::agent {
namespace {

void say(const std::string& line) {
  static_cast<void>(base::write_all(STDERR_FILENO, line + "\n"));
}

Result<void> copy_out(const wire::CopyOrder& order) {
  tar::Writer writer([](std::string_view bytes) { return base::write_all(STDOUT_FILENO, bytes); });
  return copy::pack(order.path, order.name, writer, say);
}

// Links are followed: this process is confined to the container's root, as its own ones are.
Result<void> copy_in(const wire::CopyOrder& order, std::pair<uid_t, gid_t> owner) {
  copy::UnpackRules rules;
  rules.links = copy::Links::kFollow;
  rules.overwrite = order.overwrite;
  rules.keep_owner = order.keep_owner;
  rules.owner = owner;
  rules.trusted = true;
  const auto source = [](std::span<char> into) { return base::read_some(STDIN_FILENO, into); };
  if (order.name.empty()) return copy::receive_all(source, order.path, rules, say);
  return copy::receive_one(source, order.path, order.name, rules, say);
}

}  // namespace

int run_copy(const wire::CopyOrder& order, std::pair<uid_t, gid_t> owner) {
  const auto copied =
      order.direction == wire::CopyDirection::kOut ? copy_out(order) : copy_in(order, owner);
  if (copied) return 0;
  const Error& error = copied.error();
  // The host shows no remedy of a guest's: it is part of the reason.
  say(error.message() + (error.remedy().empty() ? "" : "; to fix: " + error.remedy()));
  return 1;
}

}  // namespace fcvm::agent
