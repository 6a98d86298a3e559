// The files and mounts that a container needs before crun can make it, where podman has them.
#pragma once

#include <string>

#include <fcvm/result.hpp>

#include "agent/container/fast/template.hpp"

namespace fcvm::agent::fast {

/// Fails when podman has run in this guest, whose work must not be overwritten.
Result<void> check_untouched();

/// Podman's files but for its database, the container's root, and its /dev/shm.
Result<void> lay_ground(const Template& made);

/// What podman changes in the container's root at every start.
Result<void> dress_root(const std::string& root);
Result<void> append_below(const std::string& root, const std::string& path,
                          const std::string& text);

/// What the container gets bind-mounted, and what crun reads, from `made`.
Result<void> write_run_files(const Template& made);
/// Of the storage library: what is there and mounted.
Result<void> write_storage_lists(const Template& made);

/// All of it, so that podman can start afresh.
void take_ground_back(const Template& made);

/// Podman writes both anew for a container, each in its own order. Public for tests.
std::string hosts_of(const std::string& guests);
std::string resolv_conf_of(const std::string& guests);

std::string root_of(const Template& made);
std::string user_data(const Template& made);
std::string run_data(const Template& made);

}  // namespace fcvm::agent::fast
