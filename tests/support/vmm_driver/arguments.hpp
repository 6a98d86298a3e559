// What vmm_driver is asked on its command line.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace driver {

struct Disk {
  std::string id;
  std::string path;
  bool read_only = false;
};

struct Arguments {
  std::string plugin;
  std::vector<std::pair<std::string, std::string>> settings;
  std::string kernel;
  std::string kernel_elf;
  std::string initrd;
  std::string command_line = "quiet panic=-1";
  std::vector<Disk> disks;
  std::uint32_t cpus = 1;
  std::uint64_t memory_bytes = 256u << 20;
  std::uint32_t seconds = 300;  // for each verb
  std::vector<std::string> verbs;
};

/// Ends the program, with how it is used, when they make no sense.
Arguments read_arguments(int argc, char** argv);

}  // namespace driver
