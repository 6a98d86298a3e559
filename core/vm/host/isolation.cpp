// See isolation.hpp.
#include "core/vm/host/isolation.hpp"

#include <array>
#include <cstdint>
#include <sstream>
#include <sys/stat.h>

#include "core/base/io/file.hpp"
#include "core/base/process/namespaces.hpp"

namespace fcvm::vm {

namespace {

using base::NamespaceKind;

constexpr std::array kKinds = {NamespaceKind::kUser, NamespaceKind::kMount, NamespaceKind::kNet,
                               NamespaceKind::kPid,  NamespaceKind::kIpc,   NamespaceKind::kUts};

/// "Key:\tvalue", of a file of such lines.
void read_line(const std::string& line, Isolation& into) {
  std::istringstream words(line);
  std::string key;
  words >> key;
  if (key == "Uid:") words >> into.uid;
  if (key == "Gid:") words >> into.gid;
  if (key == "CapEff:") words >> into.capabilities;
  if (key == "CapBnd:") words >> into.bounding;
  int number = 0;
  if (key == "NoNewPrivs:" && words >> number) into.no_new_privileges = number != 0;
  if (key == "Seccomp:" && words >> number) into.seccomp = number != 0;
}

bool differ(const std::string& one, const std::string& other) {
  struct stat a {};
  struct stat b {};
  if (::stat(one.c_str(), &a) != 0 || ::stat(other.c_str(), &b) != 0) return false;
  return a.st_dev != b.st_dev || a.st_ino != b.st_ino;
}

}  // namespace

std::optional<Isolation> isolation_of(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  const auto status = base::read_file(process + "/status");
  if (!status) return std::nullopt;
  Isolation found;
  std::istringstream lines(*status);
  for (std::string line; std::getline(lines, line);) read_line(line, found);
  found.own_root = differ(process + "/root/", "/");
  for (const NamespaceKind kind : kKinds) {
    const std::string link = std::string("/ns/") + base::name_of(kind);
    if (differ(process + link, "/proc/self" + link)) {
      found.namespaces.emplace_back(base::name_of(kind));
    }
  }
  return found;
}

}  // namespace fcvm::vm
