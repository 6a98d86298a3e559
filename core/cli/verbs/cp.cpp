// fcvm cp: files and directories between the host and a container, as a stream.
#include <chrono>
#include <climits>
#include <cstdlib>
#include <memory>
#include <optional>
#include <sstream>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/fd.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/copy/destination.hpp"
#include "core/copy/transfer.hpp"
#include "core/log/log.hpp"
#include "core/vm/client/exec_client.hpp"
#include "core/vm/client/guest_copy.hpp"

namespace fcvm::cli {
namespace {

using std::chrono::steady_clock;

/// Until the agent has acknowledged.
constexpr std::chrono::seconds kPatience{60};
constexpr const char* kUsage =
    "fcvm cp FILE NAME:PATH, fcvm cp NAME:PATH FILE, or fcvm cp NAME:PATH OTHER:PATH";

/// One of the two ends: a path on the host, or one in a VM.
struct End {
  std::string vm;  // empty: the host
  std::string path;
  [[nodiscard]] bool is_stream() const { return vm.empty() && path == "-"; }
};

/// What begins with a slash or a dot is a path, colons and all.
End parse_end(const std::string& word) {
  const auto colon = word.find(':');
  const bool host = word.empty() || word[0] == '/' || word[0] == '.' || colon == std::string::npos;
  if (host || colon == 0) return {"", word};
  return {word.substr(0, colon), word.substr(colon + 1)};
}

struct Job {
  End from;
  End to;
  bool overwrite = false;
  bool keep_owner = false;
  wire::ExecPlace place = wire::ExecPlace::kContainer;
};

/// How much went through, on a terminal, from the second second on.
class Progress {
 public:
  explicit Progress(bool quiet) : shown_(!quiet && ::isatty(STDERR_FILENO) == 1) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (written_) log::say("\r\x1b[K");
  }

  void add(std::size_t bytes) {
    bytes_ += bytes;
    if (!shown_) return;
    const auto now = steady_clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds(200);
    const auto seconds = std::chrono::duration<double>(now - begun_).count();
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(bytes_) / seconds);
    log::say(fmt::format("\r\x1b[K{}, {}/s", size_text(bytes_), size_text(rate)));
    written_ = true;
  }

 private:
  bool shown_;
  bool written_ = false;
  std::uint64_t bytes_ = 0;
  steady_clock::time_point begun_ = steady_clock::now();
  steady_clock::time_point next_ = begun_ + std::chrono::seconds(1);
};

void warn(const std::string& text) { log::warning("cp", "{}", printable(text)); }

void show_remarks(const vm::GuestCopy& copy) {
  std::istringstream lines(copy.remarks());
  for (std::string line; std::getline(lines, line);) warn(line);
}

/// What a source is called at its destination; "." for the contents of a directory. Where the path
/// does not tell (as "/" or ".."), it is the contents.
std::string name_of(const std::string& path) {
  const std::string last = copy::last_part(path);
  return copy::means_contents(path) || last.empty() ? "." : last;
}

/// The same on the host, where it can be looked up.
std::string host_name_of(const std::string& path) {
  if (copy::means_contents(path) || !copy::last_part(path).empty()) return name_of(path);
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? name_of(real.get()) : ".";
}

Result<vm::GuestCopy> begin(Invocation& invocation, const Job& job, const End& guest) {
  const bool out = &guest == &job.from;
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto records = FCVM_TRY(invocation.records());
  const vm::Record* record = FCVM_TRY(vm::find_record(records, guest.vm));
  if (record->effective_phase() != vm::Phase::kRunning) return not_running(*record, "copied");
  wire::ExecRequest request;
  request.place = job.place;
  request.interactive = !out;
  wire::CopyOrder& order = request.copy;
  order.direction = out ? wire::CopyDirection::kOut : wire::CopyDirection::kIn;
  order.path = guest.path;
  if (out) {
    order.name = name_of(guest.path);
  } else if (!job.from.is_stream()) {
    order.name = job.from.vm.empty() ? host_name_of(job.from.path) : name_of(job.from.path);
  }
  order.overwrite = job.overwrite;
  order.keep_owner = job.keep_owner;
  auto begun = FCVM_TRY(
      vm::begin_exec(*store, record->id, std::move(request), base::Deadline::in(kPatience)));
  if (const auto* failed = std::get_if<wire::ExecFailed>(&begun)) {
    return fail(EIO, "in the guest: " + printable(failed->message));
  }
  auto& [stream, credit, way] = std::get<vm::ExecBegun>(begun);
  return vm::GuestCopy(std::move(stream), credit);
}

Result<void> send_stream(vm::GuestCopy& copy, Progress& progress) {
  const auto piece = std::make_unique_for_overwrite<char[]>(256 << 10);
  while (const std::size_t got =
             FCVM_TRY(base::read_some(STDIN_FILENO, {piece.get(), 256 << 10}))) {
    FCVM_TRY(copy.write({piece.get(), got}));
    progress.add(got);
  }
  return {};
}

Result<void> copy_in(vm::GuestCopy& copy, const Job& job, Progress& progress) {
  if (job.from.is_stream()) {
    FCVM_TRY(send_stream(copy, progress));
    return copy.finish();
  }
  tar::Writer writer([&](std::string_view bytes) {
    progress.add(bytes.size());
    return copy.write(bytes);
  });
  FCVM_TRY(copy::pack(job.from.path, host_name_of(job.from.path), writer, warn));
  return copy.finish();
}

Result<void> copy_out(vm::GuestCopy& copy, const Job& job, Progress& progress) {
  const tar::Source source = [&](std::span<char> into) -> Result<std::size_t> {
    const std::size_t got = FCVM_TRY(copy.read(into));
    progress.add(got);
    return got;
  };
  if (job.to.is_stream()) {
    const auto piece = std::make_unique_for_overwrite<char[]>(256 << 10);
    while (const std::size_t got = FCVM_TRY(source({piece.get(), 256 << 10}))) {
      FCVM_TRY(base::write_all(STDOUT_FILENO, {piece.get(), got}));
    }
    return {};
  }
  copy::UnpackRules rules;
  rules.overwrite = job.overwrite;
  rules.keep_owner = job.keep_owner && ::geteuid() == 0;
  // The container does not decide who else may write here.
  if (!job.keep_owner) ::umask(rules.umask = ::umask(0));
  return copy::receive_one(source, job.to.path, name_of(job.from.path), rules, warn);
}

/// Through this process and not over its disk. The archive is what one guest's agent made, and the
/// other's takes it as it would any.
Result<void> copy_across(vm::GuestCopy& out, vm::GuestCopy& in, Progress& progress) {
  const auto piece = std::make_unique_for_overwrite<char[]>(256 << 10);
  while (const std::size_t got = FCVM_TRY(out.read({piece.get(), 256 << 10}))) {
    FCVM_TRY(in.write({piece.get(), got}));
    progress.add(got);
  }
  return in.finish();
}

Result<void> copy(Invocation& invocation, const Job& job) {
  std::optional<vm::GuestCopy> out;
  std::optional<vm::GuestCopy> in;
  if (!job.from.vm.empty()) out = FCVM_TRY(begin(invocation, job, job.from));
  if (!job.to.vm.empty()) in = FCVM_TRY(begin(invocation, job, job.to));
  Result<void> copied;
  {
    Progress progress(invocation.flag("quiet"));
    copied = !in   ? copy_out(*out, job, progress)
             : out ? copy_across(*out, *in, progress)
                   : copy_in(*in, job, progress);
  }
  if (out) show_remarks(*out);
  if (in) show_remarks(*in);
  return copied;
}

Result<Job> parse_job(const Invocation& invocation) {
  const auto& words = invocation.positionals();
  Job job;
  job.from = parse_end(words[0]);
  job.to = parse_end(words[1]);
  if (job.from.vm.empty() && job.to.vm.empty()) {
    return fail(EINVAL, "copying: one of the two has to be in a VM", kUsage);
  }
  for (const End* end : {&job.from, &job.to}) {
    if (end->path.empty()) return fail(EINVAL, "copying: a path is empty", kUsage);
  }
  if (job.to.is_stream() && ::isatty(STDOUT_FILENO) == 1) {
    return fail(EINVAL, "copying: a tar archive is nothing for a terminal",
                "send it somewhere: fcvm cp NAME:PATH - | tar -t");
  }
  job.overwrite = invocation.flag("overwrite");
  job.keep_owner = invocation.given("archive") && !invocation.flag("archive");
  if (invocation.flag("vm")) job.place = wire::ExecPlace::kGuest;
  return job;
}

Result<int> run(Invocation& invocation) {
  const Job job = FCVM_TRY(parse_job(invocation));
  const auto& words = invocation.positionals();
  const auto doing = fmt::format("copying {} to {}", printable(words[0]), printable(words[1]));
  const auto copied = copy(invocation, job);
  if (copied) return 0;
  return fail(copied.error().code(), doing + ": " + printable(copied.error().message()),
              printable(copied.error().remedy()));
}

constexpr const char* kDetails =
    "SOURCE, DESTINATION or both are NAME:PATH, in a container; a path there that does not begin\n"
    "with a slash is relative to its working directory. A path on the host with a colon in it has\n"
    "to begin with / or ./\n"
    "\n"
    "A file goes into the DESTINATION directory, or becomes DESTINATION. So does a directory with\n"
    "all that is in it; SOURCE/. copies its contents alone. \"-\" is a tar archive: from standard\n"
    "input, to be unpacked in a directory, or to standard output. Modes, times, links and holes\n"
    "are kept. A symbolic link given as SOURCE is followed, others are copied as they are.\n"
    "\n"
    "Files belong to the container's user there, and to you here; --archive=false keeps the "
    "owners\n"
    "as numbers, and the modes without your umask. Nothing from a container makes device nodes, "
    "FIFOs\n"
    "or set-id programs on the host, or follows a symbolic link below DESTINATION.\n"
    "\n"
    "Examples:\n"
    "  fcvm cp site.conf web:/etc/nginx/conf.d/\n"
    "  fcvm cp web:/var/log .\n"
    "  fcvm cp src/. web:/app\n"
    "  fcvm cp web:/app/data.db other:/app/\n"
    "  tar -c data | fcvm cp - web:/srv\n"
    "  fcvm cp web:/etc - | tar -t\n";

}  // namespace

Verb cp_verb() {
  using config::Type;
  return {
      .name = "cp",
      .aliases = {"podman cp"},
      .arguments = "[OPTION...] SOURCE DESTINATION",
      .summary = "Copy files between the host and containers",
      .details = kDetails,
      .options =
          {{.name = "archive",
            .type = Type::kBoolean,
            .initial = "true",
            .help = "give files to the container's user there, and to you here",
            .letter = 'a'},
           {.name = "overwrite",
            .type = Type::kBoolean,
            .help = "replace directories with files, and files with directories"},
           {.name = "vm", .type = Type::kBoolean, .help = "in the guest, outside of the container"},
           {.name = "quiet", .type = Type::kBoolean, .help = "show no progress", .letter = 'q'}},
      .bears_mistakes = true,
      .positionals = {.min = 2, .max = 2, .names = Names::kFiles},
      .run = run};
}

}  // namespace fcvm::cli
