// What the agent and fc-enter say to each other. Both are of one build, so these are plain structs.
//
// The command and its environment are the helper's own: exec hands them over. All else comes in one
// packet through kLink: a Request, then its limits, its filter, its groups and its directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <linux/filter.h>

namespace fcvm::agent::enter {

/// The descriptors that the helper is started with, and no others.
enum Descriptor : int {
  kStdin = 0,
  kStdout = 1,
  kStderr = 2,
  kLink = 3,       // a Request comes, Reports go
  kContainer = 4,  // a pidfd, where there is one to enter; else what the program inherits
  kCgroup = 5,     // likewise: the directory of its cgroup
  kDescriptors = 6,
};

enum class Step : std::int32_t {
  // No failures. Both tell the pid of the process that becomes the command: it tells by sending
  // this at all, before it can end, and its parent, since the container may stop it at its birth.
  kEntered,
  kForked,  // the pid in place of the error
  kHelper,
  kNamespace,
  kFork,
  kStreams,
  kWorkdir,
  kLimits,
  kCredentials,
  kSeccomp,
  kExec,
};

struct Report {
  Step step;
  std::int32_t error;
};

enum Flag : std::uint32_t {
  kEntersContainer = 1U << 0,
  kJoinsCgroup = 1U << 1,
  kTerminal = 1U << 2,
  kCredentialsGiven = 1U << 3,
  kCapabilitiesGiven = 1U << 4,
  kNoNewPrivileges = 1U << 5,
};

struct Limit {
  std::uint64_t resource;
  std::uint64_t soft;
  std::uint64_t hard;
};

struct Request {
  std::uint32_t flags;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint32_t umask;
  std::uint64_t bounding;
  std::uint64_t effective;
  std::uint64_t permitted;
  std::uint64_t inheritable;
  std::uint64_t ambient;
  std::uint32_t filter_flags;
  std::uint32_t limits;
  std::uint32_t filter;  // instructions
  std::uint32_t groups;
  std::uint32_t workdir;  // bytes, with the zero at the end; 0: none
};

/// Of a whole packet.
constexpr std::size_t kLargestRequest = 128 << 10;

constexpr std::size_t size_of(const Request& request) {
  return sizeof(Request) + request.limits * sizeof(Limit) + request.filter * sizeof(sock_filter) +
         request.groups * sizeof(std::uint32_t) + request.workdir;
}

}  // namespace fcvm::agent::enter
