// The device state of a snapshot as a file: what the VM was, in words, then QEMU's migration
// stream.
//
// QEMU gets a socket and no file, so that it needs no path, and what it makes is bounded here.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>
#include <fcvm/vmm.h>

#include "plugins/vmm/qemu/accelerator.hpp"
#include "plugins/vmm/qemu/binary.hpp"
#include "plugins/vmm/qemu/options.hpp"

namespace fcvm::qemu {

/// What has to be the same in the VM that takes a state, by name; in the order in which differences
/// are told.
using Layout = std::vector<std::pair<std::string, std::string>>;

Layout layout_of(const Options& options, const Platform& platform, const fcvm_vm_spec& spec);

/// Writes the head of a state file.
Result<void> write_layout(int to, const Layout& layout, const Version& version);

struct SavedState {
  Fd file;  // positioned at the stream
  Layout layout;
  std::string version;  // QEMU's
};
Result<SavedState> open_state(int directory, const std::string& name);

/// Fails with what differs.
Result<void> check_layout(const Layout& saved, const Layout& ours);
/// Fails unless a state of `saved` loads in `ours`: QEMU promises it within a stable series.
Result<void> check_version(const std::string& saved, const Version& ours);

/// Until the end of what comes from the socket, or of the file.
Result<void> receive_stream(int socket, int file, const Call& call);
Result<void> send_stream(int file, int socket, const Call& call);

}  // namespace fcvm::qemu
