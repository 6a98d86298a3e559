// See order.hpp.
#include "agent/files/order.hpp"

#include <unistd.h>

#include "agent/files/answer.hpp"
#include "agent/files/content.hpp"
#include "agent/files/entries.hpp"
#include "agent/files/path.hpp"
#include "agent/files/tree.hpp"
#include "agent/files/watch.hpp"

namespace fcvm::agent {
namespace {

Result<void> tell(const std::string& path, Entries& entries, Answer& answer) {
  const auto entry = FCVM_TRY(entries.look_at(path));
  return answer.say(entry);
}

Result<void> watch(const std::string& path, const wire::FileOrder& order, Entries& entries,
                   Answer& answer) {
  auto watch = FCVM_TRY(Watch::open({path, order.recursive, order.entries}, entries, answer));
  FCVM_TRY(tell(path, entries, answer));
  return watch.follow();
}

Result<void> carry_out(const wire::FileOrder& order, const std::string& home) {
  Entries entries;
  Answer answer(STDOUT_FILENO);
  const std::string path = absolute_path(order.path, home);
  switch (order.operation) {
    case wire::FileOperation::kStat:
      return tell(path, entries, answer);
    case wire::FileOperation::kList:
      return list_directory(path, order.depth, entries, answer);
    case wire::FileOperation::kMakeDirectory:
      FCVM_TRY(make_directory(path));
      return tell(path, entries, answer);
    case wire::FileOperation::kMove: {
      const std::string destination = absolute_path(order.destination, home);
      FCVM_TRY(move_file(path, destination));
      return tell(destination, entries, answer);
    }
    case wire::FileOperation::kRemove:
      return remove_file(path);
    case wire::FileOperation::kRead:
      return read_content(path, entries, answer);
    case wire::FileOperation::kWrite:
      return write_content(path, STDIN_FILENO, entries, answer);
    case wire::FileOperation::kWatch:
      return watch(path, order, entries, answer);
    case wire::FileOperation::kNone:
      break;
  }
  return fail(ENOSYS, "this agent does not know the order");
}

}  // namespace

int run_files(const wire::FileOrder& order, const std::string& home) {
  const auto done = carry_out(order, home);
  if (done) return 0;
  Answer failure(STDERR_FILENO);
  static_cast<void>(failure.say(wire::FileFailure{done.error().code(), done.error().message()}));
  return 1;
}

}  // namespace fcvm::agent
