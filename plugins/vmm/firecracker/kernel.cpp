// See kernel.hpp.
#include "plugins/vmm/firecracker/kernel.hpp"

#include <fcntl.h>
#include <sstream>
#include <vector>

#include <fcvm/sdk/fd.hpp>

namespace fcvm::firecracker {

namespace {

constexpr const char* kSetup = "run `fcvm setup` to make the guest's kernel and initrd";

Result<bool> is_elf(int directory, const std::string& name) {
  const Fd file(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno("reading the kernel " + name, kSetup);
  char magic[4] = {};
  const ssize_t count = ::pread(file.get(), magic, sizeof magic, 0);
  if (count < 0) return fail_errno("reading the kernel " + name, kSetup);
  return count == 4 && std::string_view(magic, 4) == std::string_view("\177ELF", 4);
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(std::move(word));
  return words;
}

std::string key_of(const std::string& word) { return word.substr(0, word.find('=')); }

/// The keyboard controller is there to reset the machine and has nothing attached: looking for a
/// mouse costs half a second of a boot.
std::vector<std::string> machine_words(bool pci) {
  std::vector<std::string> words = {"console=ttyS0", "reboot=k", "panic=1"};
#if defined(__x86_64__)
  for (const char* word : {"i8042.noaux", "i8042.nomux", "i8042.dumbkbd"}) words.emplace_back(word);
  // There is nothing to power off with: only a reset ends Firecracker.
  words.emplace_back("fcvm.poweroff=reboot");
#endif
  if (!pci) words.emplace_back("pci=off");
  return words;
}

}  // namespace

Result<std::string> choose_kernel(const fcvm_vm_spec& spec, const Version& version) {
  const std::string kernel = spec.kernel == nullptr ? "" : spec.kernel;
  const std::string elf = spec.kernel_elf == nullptr ? "" : spec.kernel_elf;
  const std::string chosen = elf.empty() ? kernel : elf;
  if (chosen.empty()) return fail(EINVAL, "the specification names no kernel");
#if defined(__x86_64__)
  const bool found = FCVM_TRY(is_elf(spec.directory_fd, chosen));
  if (!found && !version.takes_bzimage()) {
    return fail(EINVAL,
                "Firecracker " + version.text + " boots ELF kernels (vmlinux) only, and " + chosen +
                    " is none",
                "run `fcvm setup`, which keeps the kernel as ELF too, or install Firecracker 1.17");
  }
#else
  FCVM_TRY(is_elf(spec.directory_fd, chosen));
#endif
  return chosen;
}

std::string kernel_command_line(const char* wanted, bool pci) {
  const std::string line = wanted == nullptr ? "" : wanted;
  const auto said = words_of(line);
  std::string full;
  for (const std::string& word : machine_words(pci)) {
    bool known = false;
    for (const std::string& other : said) known = known || key_of(other) == key_of(word);
    if (!known) full += word + " ";
  }
  return full + line;
}

}  // namespace fcvm::firecracker
