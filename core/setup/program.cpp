#include "core/setup/program.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "core/base/io/pipe.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/process/program.hpp"
#include "core/base/process/spawn.hpp"

namespace fcvm::setup {
namespace {

constexpr std::size_t kKeptLines = 200;
constexpr std::size_t kQuotedLines = 6;
constexpr auto kTick = std::chrono::milliseconds(120);

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kPackages = {{
    {"mke2fs", "e2fsprogs"},
    {"xz", "xz-utils"},
    {"newuidmap", "uidmap"},
    {"newgidmap", "uidmap"},
    {"mkfs.btrfs", "btrfs-progs"},
    {"mkfs.xfs", "xfsprogs"},
    {"mount", "mount"},
    {"umount", "mount"},
    {"cp", "coreutils"},
    {"sh", "dash"},
}};

/// Cuts a stream of bytes into lines; a carriage return ends one too, as progress bars use it.
class Lines {
 public:
  explicit Lines(const ProgramRun& run) : run_(run) {}

  void add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n' || c == '\r') {
        end_line();
      } else {
        line_ += c;
      }
    }
  }
  void end_line() {
    if (line_.empty()) return;
    if (run_.on_line) run_.on_line(line_);
    kept_.push_back(std::exchange(line_, {}));
    if (kept_.size() > kKeptLines) kept_.pop_front();
  }
  [[nodiscard]] std::vector<std::string> kept() const { return {kept_.begin(), kept_.end()}; }

 private:
  const ProgramRun& run_;
  std::string line_;
  std::deque<std::string> kept_;
};

Result<void> read_output(int from, int log, const ProgramRun& run, Lines& lines) {
  std::array<char, 8192> buffer{};
  for (;;) {
    const auto ready = base::wait_readable(from, base::Deadline::in(kTick));
    if (run.tick) run.tick();
    if (!ready && ready.error().code() == ETIMEDOUT) continue;
    if (!ready) return ready;
    const std::size_t count = FCVM_TRY(base::read_some(from, buffer));
    if (count == 0) return {};
    const std::string_view bytes(buffer.data(), count);
    if (log >= 0) FCVM_TRY(base::write_all(log, bytes) | context("writing " + run.log));
    lines.add(bytes);
  }
}

std::vector<std::string> environment_with(const std::vector<std::string>& variables) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("LC_ALL=") && !text.starts_with("PATH=")) all.emplace_back(text);
  }
  // Programs in sbin call each other.
  const char* path = std::getenv("PATH");
  all.push_back(std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin") +
                ":/usr/sbin:/sbin");
  all.emplace_back("LC_ALL=C.UTF-8");
  all.insert(all.end(), variables.begin(), variables.end());
  return all;
}

Result<Fd> open_log(const std::string& path) {
  if (path.empty()) return Fd();
  return base::open_file(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
}

}  // namespace

std::string find_program(std::string_view name) {
  return base::find_program(name, "/usr/sbin:/sbin");
}

std::string package_of(std::string_view program) {
  for (const auto& [name, package] : kPackages) {
    if (name == program) return std::string(package);
  }
  return std::string(program);
}

Result<void> require_programs(const std::vector<std::string>& names) {
  std::vector<std::string> missing;
  std::vector<std::string> packages;
  for (const auto& name : names) {
    if (!find_program(name).empty()) continue;
    missing.push_back(name);
    auto package = package_of(name);
    if (std::find(packages.begin(), packages.end(), package) == packages.end()) {
      packages.push_back(std::move(package));
    }
  }
  if (missing.empty()) return {};
  return fail(ENOENT,
              fmt::format("looking for programs that setup needs: {} {} not installed",
                          fmt::join(missing, ", "), missing.size() == 1 ? "is" : "are"),
              fmt::format("apt install {}", fmt::join(packages, " ")));
}

Result<void> run_program(const ProgramRun& run) {
  const std::string program = find_program(run.argv.front());
  if (program.empty()) return require_programs({run.argv.front()});
  const Fd log = FCVM_TRY(open_log(run.log));
  base::Pipe pipe = FCVM_TRY(base::Pipe::create());
  base::SpawnOptions options;
  options.argv = run.argv;
  options.program = program;
  options.environment = environment_with(run.variables);
  options.stdin_fd = run.stdin_fd;
  options.stdout_fd = run.stdout_fd >= 0 ? run.stdout_fd : pipe.write_end.get();
  options.stderr_fd = pipe.write_end.get();
  options.parent_death_signal = run.death_signal;
  options.new_process_group = run.own_group;
  options.own_namespaces = run.own_namespaces;
  base::Child child = FCVM_TRY(base::spawn(options) | context("running " + run.argv.front()));
  pipe.write_end.reset();
  Lines lines(run);
  FCVM_TRY(read_output(pipe.read_end.get(), log.valid() ? log.get() : -1, run, lines));
  lines.end_line();
  const base::ExitStatus status = FCVM_TRY(child.wait());
  if (status.success()) return {};
  auto said = meaningful_lines(lines.kept());
  if (!said.empty()) said = ":\n" + said;
  if (!run.log.empty()) said += "\nall that it said is in " + run.log;
  return fail(EIO, fmt::format("{} {}{}", run.argv.front(), status.describe(), said));
}

Result<std::string> output_of(std::vector<std::string> argv) {
  base::Pipe pipe = FCVM_TRY(base::Pipe::create());
  base::SpawnOptions options;
  options.program = find_program(argv.front());
  if (options.program.empty()) FCVM_TRY(require_programs({argv.front()}));
  options.argv = std::move(argv);
  options.stdin_fd = base::kDevNull;
  options.stdout_fd = pipe.write_end.get();
  options.stderr_fd = base::kDevNull;
  base::Child child = FCVM_TRY(base::spawn(options));
  pipe.write_end.reset();
  std::string text = FCVM_TRY(base::read_all(pipe.read_end.get(), 1 << 20));
  const auto status = FCVM_TRY(child.wait());
  if (!status.success()) return fail(EIO, options.argv.front() + " " + status.describe());
  return text;
}

std::string meaningful_lines(const std::vector<std::string>& lines) {
  std::vector<std::string> chosen;
  for (const auto& line : lines) {
    const bool error = line.starts_with("E: ") || line.starts_with("Err:") ||
                       line.find("rror:") != std::string::npos ||
                       line.find("annot ") != std::string::npos ||
                       line.find("ailed") != std::string::npos;
    if (error) chosen.push_back("  " + line);
  }
  if (chosen.empty()) {
    for (const auto& line : lines) chosen.push_back("  " + line);
  }
  if (chosen.size() > kQuotedLines) {
    chosen.erase(chosen.begin(), chosen.end() - static_cast<std::ptrdiff_t>(kQuotedLines));
  }
  return fmt::format("{}", fmt::join(chosen, "\n"));
}

std::string shell_quote(std::string_view word) {
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + '\'';
}

}  // namespace fcvm::setup
