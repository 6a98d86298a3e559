// Guest: what VMs are made from: kernel, initrd, base image, the image fcvm/hello.
//
// A guest's directory never changes once it is there, so a VM or a snapshot may hold on to its
// paths; `fcvm setup` makes another and turns <guests>/current to it.
#pragma once

#include <filesystem>
#include <string>

#include <fcvm/result.hpp>

namespace fcvm::setup {

struct Guest {
  std::string key{};
  std::filesystem::path directory{};      // <guests>/<key>
  std::filesystem::path kernel{};         // vmlinuz, as it is packaged
  std::filesystem::path kernel_elf{};     // vmlinux; empty when the kernel holds none
  std::filesystem::path initrd{};         // cpio, fc-agent is /init
  std::filesystem::path base_image{};     // ext4, to be attached read-only
  std::filesystem::path hello_archive{};  // docker-archive of kHelloImage
  std::filesystem::path manifest{};       // guest.json
  std::string suite{};
  std::string architecture{};    // Debian's: "amd64"
  std::string kernel_version{};  // uname -r
  std::string kernel_source{};   // suite, host, path, url
  std::string agent_sha256{};
};

/// The current guest; `guests` is vm::Paths::guests(). Fails with ENOENT when there is none.
[[nodiscard]] Result<Guest> find_guest(const std::filesystem::path& guests);

/// One by its key, which need not be current any more: for snapshots.
[[nodiscard]] Result<Guest> find_guest(const std::filesystem::path& guests, const std::string& key);

}  // namespace fcvm::setup
