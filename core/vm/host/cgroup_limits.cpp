// See cgroup_limits.hpp.
#include "core/vm/host/cgroup_limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <sstream>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/file.hpp"

namespace fcvm::vm {
namespace {

constexpr std::array<const char*, 4> kControllers = {"memory", "pids", "cpu", "io"};
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kPeriodUs = 100'000;

/// Control files are there, or they are not; none is made.
Result<void> write_control(const std::string& file, const std::string& text) {
  const Fd fd = FCVM_TRY(base::open_file(file, O_WRONLY));
  if (::write(fd.get(), text.data(), text.size()) < 0) return fail_errno("writing " + file);
  return {};
}

bool has_word(const std::string& file, std::string_view wanted) {
  const auto text = base::read_file(file, 4096);
  if (!text) return false;
  std::istringstream words(*text);
  for (std::string word; words >> word;) {
    if (word == wanted) return true;
  }
  return false;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc()) return std::nullopt;  // "max"
  return value;
}

std::optional<std::uint64_t> number_in(const std::string& file) {
  const auto text = base::read_file(file, 4096);
  return text ? number(*text) : std::nullopt;
}

/// The number behind a name, in a file of "name number" lines.
std::optional<std::uint64_t> named_number(const std::string& file, std::string_view name) {
  const auto text = base::read_file(file);
  if (!text) return std::nullopt;
  std::istringstream lines(*text);
  std::string key, value;
  while (lines >> key >> value) {
    if (key == name) return number(value);
  }
  return std::nullopt;
}

/// io.stat has a line of "key=number" words for each disk.
std::optional<std::uint64_t> sum_of_io(const std::string& cgroup, std::string_view key) {
  const auto text = base::read_file(cgroup + "/io.stat");
  if (!text) return std::nullopt;
  std::uint64_t sum = 0;
  std::istringstream words(*text);
  for (std::string word; words >> word;) {
    if (word.starts_with(key)) sum += number(std::string_view(word).substr(key.size())).value_or(0);
  }
  return sum;
}

}  // namespace

// Measured, beyond the guest's own memory: QEMU 7.2 holds 40 to 70 MiB under KVM, and under
// emulation its translated code on top, which is up to 1 GiB; Firecracker some 5 MiB; pasta and the
// forwarder together under 30 MiB, and as much again in buffers of sockets. The page cache of disks
// counts, too, and is given back.
CgroupLimits CgroupLimits::of_guest(std::uint64_t memory_bytes, std::uint32_t cpus, bool emulated) {
  CgroupLimits limits;
  limits.memory_bytes = memory_bytes + memory_bytes / 16 + (emulated ? 1536 : 256) * kMiB;
  limits.cpus = cpus + 0.5;
  limits.processes = 256 + std::uint64_t{cpus} * 8;
  return limits;
}

// In one write, which succeeds or fails as a whole. Of a cgroup that has processes the kernel would
// refuse memory, and take pids: no process could then be started in a cgroup below, and the parent
// would stay so for others. The real root alone may have both; it is the one without a type.
bool enable_controllers(const std::string& parent) {
  const bool is_root = ::access((parent + "/cgroup.type").c_str(), F_OK) != 0;
  const auto processes = base::read_file(parent + "/cgroup.procs");
  if (!is_root && (!processes || !processes->empty())) return false;
  std::string wanted;
  for (const char* controller : kControllers) {
    if (!has_word(parent + "/cgroup.controllers", controller)) continue;
    wanted += std::string(wanted.empty() ? "" : " ") + '+' + controller;
  }
  const std::string control = parent + "/cgroup.subtree_control";
  return !wanted.empty() && write_control(control, wanted).has_value();
}

AppliedLimits apply_limits(const std::string& cgroup, const CgroupLimits& limits) {
  AppliedLimits applied;
  const auto add = [](std::string& list, const char* between, const std::string& item) {
    list += (list.empty() ? "" : between) + item;
  };
  std::string absent;
  const auto set = [&](const char* controller, const char* file, const std::string& value,
                       const std::string& as_text) {
    if (!has_word(cgroup + "/cgroup.controllers", controller)) {
      return add(absent, ", ", controller);
    }
    if (auto written = write_control(cgroup + "/" + file, value); !written) {
      return add(applied.missing, "; ",
                 fmt::format("{}: {}", controller, written.error().message()));
    }
    add(applied.set, ", ", as_text);
  };
  set("memory", "memory.max", std::to_string(limits.memory_bytes),
      fmt::format("memory {} MiB", limits.memory_bytes / kMiB));
  const auto quota = static_cast<std::uint64_t>(limits.cpus * static_cast<double>(kPeriodUs));
  set("cpu", "cpu.max", fmt::format("{} {}", quota, kPeriodUs),
      fmt::format("{} CPUs", limits.cpus));
  set("pids", "pids.max", std::to_string(limits.processes),
      fmt::format("{} processes", limits.processes));
  if (!absent.empty()) {
    add(applied.missing, "; ", fmt::format("{} has no controllers for {}", cgroup, absent));
  }
  // Half a VM is of no use: the kernel ends all of it.
  (void)write_control(cgroup + "/memory.oom.group", "1");
  return applied;
}

CgroupUsage usage_of(const std::string& cgroup) {
  CgroupUsage usage;
  usage.memory_bytes = number_in(cgroup + "/memory.current");
  usage.memory_limit_bytes = number_in(cgroup + "/memory.max");
  usage.processes = number_in(cgroup + "/pids.current");
  usage.read_bytes = sum_of_io(cgroup, "rbytes=");
  usage.written_bytes = sum_of_io(cgroup, "wbytes=");
  if (const auto us = named_number(cgroup + "/cpu.stat", "usage_usec")) usage.cpu_ns = *us * 1000;
  return usage;
}

bool ran_out_of_memory(const std::string& cgroup) {
  return named_number(cgroup + "/memory.events", "oom_kill").value_or(0) > 0;
}

}  // namespace fcvm::vm
