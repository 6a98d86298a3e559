// Writing to /dev/kmsg without ever waiting; see log.hpp.
#include "agent/log.hpp"

#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "core/base/io/fd.hpp"

namespace fcvm::agent {
namespace {

constexpr std::size_t kLongestLine = 900;  // the kernel cuts records at about 1,000

base::Fd& kernel_log() {
  static base::Fd fd;
  return fd;
}

}  // namespace

void open_log() {
  // Else the kernel keeps back all but ten lines in five seconds.
  if (const auto limit = base::open_file("/proc/sys/kernel/printk_devkmsg", O_WRONLY)) {
    static_cast<void>(base::write_all(limit->get(), "on\n"));
  }
  auto opened = base::open_file("/dev/kmsg", O_WRONLY | O_NONBLOCK);
  if (opened) kernel_log() = *std::move(opened);
}

void log_line(std::string_view line) {
  const bool kernel = kernel_log().valid();
  std::string record = kernel ? "<5>fc-agent: " : "fc-agent: ";
  record.append(line.substr(0, kLongestLine)).push_back('\n');
  // One write per record, and its failure is nobody's business.
  [[maybe_unused]] const auto written =
      ::write(kernel ? kernel_log().get() : STDERR_FILENO, record.data(), record.size());
}

}  // namespace fcvm::agent
