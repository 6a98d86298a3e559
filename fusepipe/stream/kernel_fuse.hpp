// The kernel's own FUSE protocol, and what of it the headers of Debian 12 do not name yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <linux/fuse.h>

namespace fcvm::fusepipe {

/// What one READ or WRITE carries at most, and what a message holds besides: the kernel wants its
/// reader to have room for both.
constexpr std::size_t kMaxWrite = 1 << 20;
constexpr std::size_t kMaxMessage = kMaxWrite + (64 << 10);
constexpr std::size_t kPage = 4096;

constexpr std::uint64_t kRootNode = FUSE_ROOT_ID;

/// FUSE_CREATE_SUPP_GROUP: the kernel adds the group by which the caller may create.
constexpr std::uint64_t kCreateSuppGroup = 1ULL << 34;
/// FUSE_EXT_GROUPS: the type of that extension: a count, then so many groups, each 32 bits.
constexpr std::uint32_t kExtensionGroups = 32;
/// FUSE_DIRECT_IO_ALLOW_MMAP.
constexpr std::uint64_t kDirectIoAllowMmap = 1ULL << 36;

/// Whether the kernel waits for an answer to it.
constexpr bool has_reply(std::uint32_t opcode) {
  return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT;
}

/// Whether it may wait for as long as another process likes.
constexpr bool may_wait(std::uint32_t opcode) { return opcode == FUSE_SETLKW; }

}  // namespace fcvm::fusepipe
