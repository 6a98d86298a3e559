// MapProcess: a process of the agent's own that mounts a directory of the host, and carries what
// the guest's kernel asks for to it.
//
// A process, so that the agent never waits for itself: what the agent reads may lie in a mapped
// directory. It executes nothing, and keeps nothing of the agent's but what is given here.
#pragma once

#include <string>
#include <sys/types.h>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::agent {

struct MapProcess {
  pid_t pid = -1;
  base::Fd control;  // over which it asks for streams; see fusepipe/stream/given_stream.hpp
  base::Fd failure;  // ends when it has mounted, or after the text that says why it could not
};

Result<MapProcess> start_map_process(const std::string& mountpoint, bool read_only);

}  // namespace fcvm::agent
