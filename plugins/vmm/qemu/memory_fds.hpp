// What the plugin and the library that it preloads into QEMU (memory_preload.cpp) agree on.
//
// QEMU is told that its RAM is the file behind kMemoryFd, shared. When a VM boots, that is so. When
// it is restored, that file is an empty placeholder, and the library maps something else in its
// place: the snapshot's memory, privately, or memory whose pages come from a page server. So QEMU
// never holds a descriptor by which it could change a snapshot (it would punch holes for its
// balloon), and its RAM never gets into the device state.
//
// The library says what it did through kReportFd, in one write: "ok ADDRESS\n", hexadecimal, or
// "failed ERRNO WHAT\n". A QEMU without the library says nothing, and is not given a guest.
#pragma once

namespace fcvm::qemu {

inline constexpr int kMemoryFd = 5;
inline constexpr int kSnapshotFd = 6;
inline constexpr int kReportFd = 7;
/// /dev/userfaultfd, where the host may open it: QEMU itself has no privilege to.
inline constexpr int kWatcherFd = 8;

/// kFromFile, or kFromServer and the path of the page server's socket.
inline constexpr const char* kMemoryVariable = "FCVM_QEMU_MEMORY";
inline constexpr const char* kFromFile = "file";
inline constexpr const char* kFromServer = "server:";

}  // namespace fcvm::qemu
