#include "core/vm/supervisor/process_stats.hpp"

#include <charconv>
#include <sstream>
#include <string>
#include <unistd.h>

#include "core/base/io/file.hpp"

namespace fcvm::vm {
namespace {

/// The number behind `name` in a file of "name: number" lines; 0 when it is not there.
std::uint64_t field(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  if (at == std::string_view::npos) return 0;
  const auto digits = text.find_first_of("0123456789", at + name.size());
  std::uint64_t number = 0;
  if (digits != std::string_view::npos) {
    std::from_chars(text.data() + digits, text.data() + text.size(), number);
  }
  return number;
}

/// The numbers of /proc/PID/stat from the third field on: the second may hold anything.
Result<std::uint64_t> cpu_ns(const std::string& directory) {
  const std::string stat = FCVM_TRY(base::read_file(directory + "/stat"));
  const auto paren = stat.rfind(')');
  if (paren == std::string::npos) return fail(EPROTO, directory + "/stat has no name in it");
  std::uint64_t ticks = 0;
  std::size_t at = paren + 1;
  for (int number = 3; number <= 15 && at != std::string::npos; ++number) {
    at = stat.find_first_not_of(' ', at);
    if (at == std::string::npos) break;
    std::uint64_t value = 0;
    std::from_chars(stat.data() + at, stat.data() + stat.size(), value);
    if (number == 14 || number == 15) ticks += value;  // utime, stime
    at = stat.find(' ', at);
  }
  return ticks * (1'000'000'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
}

/// A tap receives what the guest sends.
void read_traffic(const std::string& directory, const std::string& tap, LiveStats& stats) {
  const auto text = base::read_file(directory + "/net/dev");
  if (!text || tap.empty()) return;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const auto name = line.find_first_not_of(' ');
    if (line.compare(name, colon - name, tap) != 0) continue;
    // Eight numbers of what came in, then of what went out; bytes are the first of each.
    std::istringstream numbers(line.substr(colon + 1));
    std::uint64_t skipped = 0;
    numbers >> stats.sent_bytes;
    for (int i = 0; i < 7; ++i) numbers >> skipped;
    numbers >> stats.received_bytes;
  }
}

}  // namespace

Result<LiveStats> process_stats(pid_t pid, const std::string& tap) {
  const std::string directory = "/proc/" + std::to_string(pid);
  LiveStats stats;
  stats.cpu_ns = FCVM_TRY(cpu_ns(directory));
  const std::string status = FCVM_TRY(base::read_file(directory + "/status"));
  stats.memory_bytes = field(status, "VmRSS:") * 1024;
  stats.processes = static_cast<std::uint32_t>(field(status, "Threads:"));
  if (const auto io = base::read_file(directory + "/io")) {
    stats.read_bytes = field(*io, "read_bytes:");
    stats.written_bytes = field(*io, "\nwrite_bytes:");
  }
  read_traffic(directory, tap, stats);
  return stats;
}

}  // namespace fcvm::vm
