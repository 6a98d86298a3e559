// fcvm logs: what a container wrote, byte for byte.
#include <chrono>
#include <mutex>
#include <thread>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "core/base/printable.hpp"
#include "core/cli/each_vm.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/log/log.hpp"
#include "core/vm/logs/container_log.hpp"
#include "core/vm/logs/log_files.hpp"
#include "core/vm/logs/tail_reader.hpp"
#include "core/vm/model/log_driver.hpp"
#include "core/vm/model/time_text.hpp"

namespace fcvm::cli {
namespace {

/// Collects what goes to one stream; a change of stream writes it, so that both keep their order on
/// a terminal.
class Output {
 public:
  struct Look {
    bool timestamps = false;
    std::string prefix;  // of each line: whose it is, where several are shown
  };
  explicit Output(Look look) : look_(std::move(look)) {}

  /// False when nobody reads any more.
  bool put(const vm::LogLine& line) {
    const int to = line.stream == vm::LogStream::kStdout ? STDOUT_FILENO : STDERR_FILENO;
    if (to != to_ && !flush()) return false;
    to_ = to;
    bool& mid_line = mid_line_[to == STDERR_FILENO ? 1 : 0];
    if (!mid_line) waiting_ += look_.prefix;
    if (look_.timestamps && !mid_line) waiting_ += vm::rfc3339(line.time_ns) + ' ';
    waiting_ += line.text;
    if (line.complete) waiting_ += '\n';
    mid_line = !line.complete;
    return waiting_.size() < 64 * 1024 || flush();
  }

  /// What comes after it on a terminal is another's.
  void finish() {
    if (!look_.prefix.empty() && mid_line_[to_ == STDERR_FILENO ? 1 : 0]) waiting_ += '\n';
    flush();
  }

  bool flush() {
    if (waiting_.empty()) return true;
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    auto written = base::write_all(to_, waiting_);
    waiting_.clear();
    if (!written && error_.code() == 0) error_ = written.error();
    return written.has_value();
  }

  /// A reader that has seen enough (`| head -1`) is not a failure.
  [[nodiscard]] Result<int> outcome() const {
    if (error_.code() == 0 || error_.code() == EPIPE) return 0;
    return unexpected(error_);
  }

 private:
  Look look_;
  int to_ = STDOUT_FILENO;
  bool mid_line_[2] = {};
  std::string waiting_;
  Error error_{0, ""};
};

Result<vm::LogQuery> parse_query(const Invocation& invocation) {
  vm::LogQuery query;
  const std::int64_t now = vm::now_ns();
  if (invocation.given("since")) {
    query.since_ns =
        FCVM_TRY(vm::parse_moment(invocation.value("since"), now) | context("--since"));
  }
  if (invocation.given("until")) {
    query.until_ns =
        FCVM_TRY(vm::parse_moment(invocation.value("until"), now) | context("--until"));
  }
  // podman has -1, and "all", for every line.
  const auto tail = invocation.value("tail", "-1");
  if (tail != "-1" && tail != "all") {
    const bool number =
        tail.size() < 19 && tail.find_first_not_of("0123456789") == std::string::npos;
    if (!number || tail.empty())
      return fail(EINVAL, "--tail: \"" + tail + "\" is not a number of lines", "give one, or all");
    query.tail = std::stoull(tail);
  }
  return query;
}

/// Whether more may come, as long as the VM is there and has not exited.
std::function<bool()> while_alive(const vm::Store& store, const std::string& id) {
  return [&store, id] {
    const auto record = store.load(id);
    return record && is_alive(*record);
  };
}

/// What was kept elsewhere, or not at all.
Result<void> check_driver(const vm::Record& record) {
  if (record.log_driver == vm::LogDriver::kFile) return {};
  if (record.log_driver == vm::LogDriver::kJournal) {
    return fail(ENOENT, "VM " + record.name + " logs to the journal",
                "journalctl CONTAINER_NAME=" + record.name + " shows it");
  }
  return fail(ENOENT, "VM " + record.name + " was run with --log-driver " + record.log_driver +
                          ", which keeps no log");
}

Result<int> show_container(const vm::Store& store, const vm::Record& record, vm::LogQuery query,
                           bool follow, Output::Look look) {
  Output output(std::move(look));
  query.on_dropped = [&] {
    output.flush();
    log::warning("logs", "what {} wrote here was dropped: more than its log may hold (--log-opt)",
                 record.name);
  };
  if (follow) {
    // Asked at the end of what there is: the moment to show it.
    query.follow = [&, alive = while_alive(store, record.id)] { return output.flush() && alive(); };
  }
  FCVM_TRY(vm::read_container_log(store.paths().container_log(record.id), query,
                                  [&](const vm::LogLine& line) { return output.put(line); }));
  output.finish();
  return output.outcome();
}

/// Unlike the container's output, a console is looked at to see what is wrong with a guest. It does
/// nothing to a terminal; a file or a pipe gets it as it is.
Result<void> write_console(std::string_view bytes) {
  if (::isatty(STDOUT_FILENO) != 1) return base::write_all(STDOUT_FILENO, bytes);
  return base::write_all(STDOUT_FILENO, base::printable(bytes, base::Newlines::kKept));
}

Result<int> show_console(const vm::Store& store, const vm::Record& record, bool follow) {
  const auto file = store.paths().console_log(record.id);
  vm::LogFiles files(file, std::nullopt, [&](vm::LogGap gap) {
    if (gap == vm::LogGap::kBefore) {
      log::warning("logs", "the console of {} begins later: only its end is kept", record.name);
    } else {
      log::warning("logs", "some of the console of {} was dropped here", record.name);
    }
  });
  const auto alive = while_alive(store, record.id);
  const auto patience = [&]() -> std::optional<base::Deadline> {
    if (!follow || !alive()) return std::nullopt;
    return base::Deadline::in(std::chrono::milliseconds(200));
  };
  FCVM_TRY(vm::TailReader(file, files).bytes(patience, [](std::string_view bytes) -> Result<bool> {
    const auto written = write_console(bytes);
    if (!written && written.error().code() == EPIPE) return false;  // nobody reads any more
    if (!written) return unexpected(written.error());
    return true;
  }));
  return 0;
}

/// Of several the logs come one after the other, or side by side as long as they are followed.
Result<int> show_containers(const Invocation& invocation, const vm::Store& store,
                            const std::vector<vm::Record>& chosen, const vm::LogQuery& query) {
  const bool follow = invocation.flag("follow");
  const bool names = invocation.flag("names");
  std::vector<Result<int>> outcomes(chosen.size(), 0);
  const auto show = [&](std::size_t index) {
    const vm::Record& record = chosen[index];
    Output::Look look{.timestamps = invocation.flag("timestamps"), .prefix = ""};
    if (names || chosen.size() > 1) look.prefix = (names ? record.name : record.id) + ' ';
    outcomes[index] = show_container(store, record, query, follow, std::move(look));
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; follow && i < chosen.size(); ++i) others.emplace_back(show, i);
  show(0);
  for (std::size_t i = 1; !follow && i < chosen.size(); ++i) show(i);
  for (auto& other : others) other.join();
  for (auto& outcome : outcomes) {
    if (!outcome) return outcome;
  }
  return 0;
}

Result<int> run(Invocation& invocation) {
  const auto query = FCVM_TRY(parse_query(invocation));
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto records = FCVM_TRY(invocation.records());
  std::vector<vm::Record> chosen;
  for (const auto& name : invocation.positionals()) {
    chosen.push_back(*FCVM_TRY(vm::find_record(records, name)));
  }
  if (invocation.flag("console")) {
    if (chosen.size() == 1) return show_console(*store, chosen[0], invocation.flag("follow"));
    return fail(EINVAL, "--console shows one VM", "fcvm logs --console " + chosen[0].name);
  }
  for (const auto& record : chosen) FCVM_TRY(check_driver(record));
  return show_containers(invocation, *store, chosen, query);
}

constexpr const char* kDetails =
    "What the container wrote to its standard output goes to standard output, and its standard\n"
    "error to standard error, byte for byte. The log stays until the VM is removed. It holds the\n"
    "last 64 MiB, or what `fcvm run --log-opt` says; where more was written a warning says so.\n"
    "Of several VMs each line begins with its VM's id, or with --names its name.\n"
    "\n"
    "--since and --until take a time (2026-11-20T19:00:00Z), seconds since 1970, or how long ago\n"
    "(10m, 1h30m). With --follow it goes on until the container ends or --until is reached.\n"
    "--tail counts lines of both streams, before --since and --until.\n"
    "\n"
    "--console shows what the guest's kernel and agent wrote instead, for a VM that does not\n"
    "start; of the other options it takes --follow only. On a terminal what would move its cursor\n"
    "is shown as \\x1b. A kernel says only what is wrong; `fcvm run --kernel-args loglevel=7` has "
    "it\n"
    "say more.\n"
    "\n"
    "Examples:\n"
    "  fcvm logs -f --tail 20 web\n"
    "  fcvm logs -t --since 10m web 2>errors\n"
    "  fcvm logs --console web\n";

}  // namespace

Verb logs_verb() {
  using config::Type;
  return {
      .name = "logs",
      .aliases = {"podman logs"},
      .arguments = "[-f] [-t] [--since T] [--until T] [--tail N] NAME...",
      .summary = "Show what a container wrote",
      .details = kDetails,
      .options = {latest_option(),
                  {.name = "follow",
                   .type = Type::kBoolean,
                   .help = "go on with what comes",
                   .letter = 'f'},
                  {.name = "since", .help = "nothing older than this"},
                  {.name = "until", .help = "nothing newer than this"},
                  {.name = "tail", .help = "only the last so many lines", .letter = 'n'},
                  {.name = "timestamps",
                   .type = Type::kBoolean,
                   .help = "print the time before each line",
                   .letter = 't'},
                  {.name = "names",
                   .type = Type::kBoolean,
                   .help = "begin each line with the name of its VM"},
                  {.name = "console", .type = Type::kBoolean, .help = "show the guest's console"}},
      .bears_mistakes = true,
      .positionals = {.min = 1, .max = kAnyNumber, .names = Names::kVms},
      .run = run};
}

}  // namespace fcvm::cli
