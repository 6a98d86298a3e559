// What a hostile guest costs the host above the multiplexer: a JSON line for each of its
// behaviours.
//
//   hostile_guest_bench            all of them, FCVM_BENCH_SECONDS each (60)
//   FCVM_BENCH_BEHAVIOURS="chatter end-flood" hostile_guest_bench
//
// This process is the supervisor and little else: its memory and its CPU are what is measured. Of
// "chatter", which is honest output, the cost of a MB and the rate are what matters.
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <fmt/core.h>

#include "tests/contract/supervised.hpp"

namespace fcvm::vm {
namespace {

double resident_mib() {
  const auto text = base::read_file("/proc/self/statm");
  REQUIRE(text);
  const double pages = std::stod(text->substr(text->find(' ')));
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// What the data directory takes of the disk.
double data_mib(const std::filesystem::path& directory) {
  double bytes = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, error)) {
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) == 0)
      bytes += static_cast<double>(info.st_blocks) * 512;
  }
  return bytes / (1 << 20);
}

/// From the numbers of the log's parts: each full one holds max_size.
double logged_mb(const std::filesystem::path& log) {
  const auto directory = base::open_file(log.parent_path().string(), O_PATH | O_DIRECTORY);
  if (!directory) return 0;
  const auto parts = base::parts_of(directory->get(), log.filename().string());
  const double full = parts && !parts->empty() ? static_cast<double>(parts->back()) : 0;
  return full * static_cast<double>(base::RotatingFile::Limits{}.max_size) / 1e6;
}

void measure(const std::string& behaviour, std::chrono::seconds time) {
  guest_program = {FCVM_TEST_HOSTILE_GUEST, ".", behaviour};
  Supervised box("true");
  const Record record = box.started();
  const double memory = resident_mib();
  const double cpu = cpu_seconds();
  const double data = data_mib(box.store().paths().data);
  double most = memory;
  const auto over = base::Deadline::in(time);
  while (!over.expired()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    most = std::max(most, resident_mib());
  }
  const double used = cpu_seconds() - cpu;
  const auto seconds = static_cast<double>(time.count());
  fmt::print(R"({{"bench":"hostile guest","behaviour":"{}","seconds":{},"rss_growth_mib":{:.1f},)"
             R"("cpu_share":{:.3f},"data_growth_mib":{:.1f})",
             behaviour, time.count(), most - memory, used / seconds,
             data_mib(box.store().paths().data) - data);
  const double mb = logged_mb(box.store().paths().container_log(record.id));
  if (mb > 0) {
    fmt::print(R"(,"output_mb_per_s":{:.1f},"cpu_ms_per_mb":{:.2f})", mb / seconds,
               used * 1000 / mb);
  }
  fmt::print("}}\n");
  std::fflush(stdout);
  REQUIRE(box.ask(ask::End{}));
  REQUIRE(box.ended());
}

TEST_CASE("a hostile guest") {
  const char* wanted = std::getenv("FCVM_BENCH_BEHAVIOURS");
  const char* seconds = std::getenv("FCVM_BENCH_SECONDS");
  std::istringstream behaviours(
      wanted != nullptr ? wanted
                        : "idle event-flood started-flood kind-flood done-flood end-flood "
                          "attached-flood limit-flood refusal-flood wrong-offset empty-flood crumb-flood "
                          "control-flap output-flap unread chatter");
  for (std::string behaviour; behaviours >> behaviour;) {
    measure(behaviour, std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 60));
  }
}

}  // namespace
}  // namespace fcvm::vm
