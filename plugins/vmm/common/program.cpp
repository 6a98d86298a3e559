// See program.hpp.
#include "plugins/vmm/common/program.hpp"

#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/stat.h>
#include <tuple>

#include "core/base/process/program.hpp"

namespace fcvm::vmm {

namespace {

constexpr std::size_t kLongestAnswer = 4096;

/// What tells one installed file from the next.
using Identity = std::tuple<std::string, std::string, ino_t, dev_t, off_t, time_t, long>;

Result<Identity> identity_of(const std::string& path, const std::string& question) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail_errno("looking at " + path);
  return Identity(path, question, status.st_ino, status.st_dev, status.st_size,
                  status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

Result<std::string> ask(const Host& host, const std::string& program, const std::string& question,
                        const Call& call) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("making a pipe");
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  ProcessSpec spec;
  const std::string name = program.substr(program.rfind('/') + 1) + " " + question;
  spec.name = name.c_str();
  spec.to(writer.get());
  const Process process = FCVM_TRY(host.spawn({program, question}, spec));
  writer.reset();
  std::string output;
  char buffer[1024];
  while (output.size() < kLongestAnswer) {
    FCVM_TRY(call.wait(reader.get(), POLLIN));
    const ssize_t count = ::read(reader.get(), buffer, sizeof buffer);
    if (count <= 0) break;
    output.append(buffer, static_cast<std::size_t>(count));
  }
  return output;
}

}  // namespace

Result<std::string> find_program(const std::string& name, const std::string& remedy) {
  const bool is_path = name.find('/') != std::string::npos;
  if (is_path && name[0] != '/') {
    return fail(EINVAL, name + " is a relative path, which means another file in each directory",
                "write the whole path");
  }
  std::string found = base::find_program(name);
  if (!found.empty()) return found;
  if (is_path) return fail(ENOENT, name + " is not a program that can be run", remedy);
  return fail(ENOENT, name + " is not installed (it is in no directory of PATH)", remedy);
}

Result<std::string> version_output(const Host& host, const std::string& program, const Call& call,
                                   const std::string& question) {
  static std::mutex mutex;
  static std::map<Identity, std::string> known;
  const Identity identity = FCVM_TRY(identity_of(program, question));
  {
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(identity); found != known.end()) return found->second;
  }
  auto output = FCVM_TRY(ask(host, program, question, call) |
                         context("asking " + program + " for its version"));
  const std::lock_guard lock(mutex);
  known[identity] = output;
  return output;
}

}  // namespace fcvm::vmm
