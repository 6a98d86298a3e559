// The real Firecracker, where FCVM_TEST_FIRECRACKER names one and /dev/kvm opens.
#pragma once

#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <string_view>

#include "tests/contract/vmm/machine.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::test {

/// Whether it does; access() says nothing of what a cgroup of devices forbids.
inline bool opens(const char* device) {
  return base::Fd(::open(device, O_RDWR | O_CLOEXEC)).valid();
}

/// Nothing, and why, when there is no real Firecracker to test.
inline std::vector<Subject> real_firecracker() {
  const char* binary = std::getenv("FCVM_TEST_FIRECRACKER");
  if (binary == nullptr || !opens("/dev/kvm")) {
    skip("needs FCVM_TEST_FIRECRACKER, which names a binary, and a KVM that opens");
    return {};
  }
  Subject made;
  made.name = "real Firecracker";
  made.object = FCVM_TEST_FIRECRACKER_PLUGIN;
  made.texts["binary"] = binary;
  made.snapshots = true;
  made.fake_guest = false;
  return {made};
}

/// An ELF kernel that halts for ever, so that any KVM runs it, be it one that runs no Linux.
inline std::string halting_kernel() {
  constexpr std::uint64_t kAddress = 16u << 20;
  constexpr std::string_view kHaltForEver = "\xf4\xeb\xfd";
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_entry = kAddress;
  header.e_phoff = sizeof header;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_LOAD;
  segment.p_flags = PF_R | PF_X;
  segment.p_offset = sizeof header + sizeof segment;
  segment.p_vaddr = segment.p_paddr = kAddress;
  segment.p_filesz = segment.p_memsz = kHaltForEver.size();
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes.append(reinterpret_cast<const char*>(&segment), sizeof segment);
  return bytes.append(kHaltForEver);
}

inline void give_real_kernel(Machine& machine, const Subject& subject) {
  if (!subject.fake_guest) machine.write("kernel.elf", halting_kernel());
}

}  // namespace fcvm::test
