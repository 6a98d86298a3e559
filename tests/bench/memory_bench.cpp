// How fast memory plugins give pages: memory.uffd beside UFFDIO_COPY alone, memory.file beside
// reading, in the same process and the same run. A JSON line for each measurement, medians over
// rounds that take turns.
//
//   memory_bench [ROUNDS [MEBIBYTES [CLONES]]]
//
//   copy_raw        UFFDIO_COPY in pieces of 64 KiB, from the mapped file; nobody waits for them
//   copy_prefetch   all of the memory by prefetch, in MiB/s, and as a share of copy_raw
//   copy_faults     all of it by the faults of CLONES clones at once, one page of each piece
//   faults          of a clone that touches a working set: without prefetch, and with one that was
//                   recorded of one clone, and of two
//   warm            memory.file's prefetch of that working set into the page cache: from the disk,
//                   once it is there, and by plain reading from the disk ($TMPDIR)
//   fault_times     what a clone waits for a page, one clone and CLONES at once, as they see it
//   fault_times_raw the same, from threads that do nothing but poll, read and UFFDIO_COPY
//
// A clone is a process with a userfaultfd, which does nothing but touch pages.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <memory>
#include <poll.h>
#include <random>
#include <string>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fcvm/sdk/sized.hpp>

#include "core/base/io/fd.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/io/unix_socket.hpp"
#include "plugins/memory/file/warm.hpp"
#include "plugins/memory/uffd/clone_server.hpp"

namespace {

using namespace fcvm;
using memory::CloneServer;
using memory::PageSet;
using memory::Served;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kPiece = 64 << 10;
constexpr std::uint64_t kPagesOfPiece = kPiece / kPage;

[[noreturn]] void give_up(const std::string& what) {
  std::fprintf(stderr, "memory_bench: %s\n", what.c_str());
  std::exit(1);
}

template <typename T>
T need(Result<T> result) {
  if (!result) give_up(result.error().message());
  return std::move(*result);
}
void need(Result<void> result) {
  if (!result) give_up(result.error().message());
}

double since_ms(std::int64_t begin) { return static_cast<double>(monotonic_now() - begin) / 1e6; }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Anonymous memory with a userfaultfd.
struct Watched {
  char* base;
  std::uint64_t size;
  Fd faults;

  explicit Watched(std::uint64_t bytes) : size(bytes) {
    void* mapped =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) give_up("no memory");
    base = static_cast<char*>(mapped);
    faults = Fd(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_EVENT_REMOVE;
    uffdio_register range{};
    range.range = {reinterpret_cast<std::uintptr_t>(base), size};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (!faults || ::ioctl(faults.get(), UFFDIO_API, &api) != 0 ||
        ::ioctl(faults.get(), UFFDIO_REGISTER, &range) != 0) {
      give_up(std::string("userfaultfd: ") + std::strerror(errno));
    }
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() { ::munmap(base, size); }
};

/// A snapshot of random bytes, in the page cache, and a server for its clones.
class Bench {
 public:
  explicit Bench(std::uint64_t bytes) : bytes_(bytes) {
    const Fd home = need(base::open_file(directory_.path(), O_RDONLY | O_DIRECTORY));
    file_ = need(base::open_at(home.get(), "memory", O_RDWR | O_CREAT, 0600));
    std::mt19937_64 random(1);
    std::string piece(1 << 20, '\0');
    for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
      for (std::size_t i = 0; i < piece.size(); i += 8) {
        const std::uint64_t word = random() | 1;
        std::memcpy(&piece[i], &word, sizeof word);
      }
      need(base::write_all(file_.get(), piece));
    }
  }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] int file() const { return file_.get(); }

  [[nodiscard]] std::shared_ptr<Served> serve(PageSet working_set) const {
    const Fd home = need(base::open_file(directory_.path(), O_RDONLY | O_DIRECTORY));
    auto layer = sized<fcvm_memory_layer>();
    layer.directory_fd = home.get();
    layer.path = "memory";
    const fcvm_memory_layer* const layers[] = {&layer};
    auto request = sized<fcvm_memory_request>();
    request.layers = layers;
    request.layer_count = 1;
    request.memory_bytes = bytes_;
    request.page_bytes = kPage;
    auto served = std::make_shared<Served>();
    served->source = need(memory::PageSource::open(request));
    served->working_set = std::move(working_set);
    served->broke = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    served->piece_bytes = kPiece;
    served->hand_over_timeout = std::chrono::seconds(10);
    return served;
  }

 private:
  base::TempDir directory_ = need(base::TempDir::create());
  Fd file_;
  std::uint64_t bytes_;
};

/// What a page server does at the least, in a thread: nothing is checked, and nothing may happen
/// but that pages are missed.
class RawServer {
 public:
  RawServer(const Bench& bench, int directory)
      : bytes_(bench.bytes()),
        listener_(need(base::listen_unix_at(directory, CloneServer::kSocket))),
        stop_(::eventfd(0, EFD_CLOEXEC)) {
    void* mapped = ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, bench.file(), 0);
    if (mapped == MAP_FAILED) give_up("mapping the snapshot");
    from_ = static_cast<char*>(mapped);
    thread_ = std::thread([this] { run(); });
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  ~RawServer() {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
    ::munmap(from_, bytes_);
  }

 private:
  void run() {
    const Fd connection = need(base::accept_connection(listener_.get()));
    const auto taken = need(memory::receive_hand_over(connection.get(), bytes_, kPage));
    const int fd = taken.faults.get();
    const std::uint64_t base = taken.regions.front().base;
    for (;;) {
      pollfd fds[2] = {{fd, POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      ::poll(fds, 2, -1);
      if (fds[1].revents != 0) return;
      uffd_msg message{};
      if (::read(fd, &message, sizeof message) != sizeof message) continue;
      const std::uint64_t at = (message.arg.pagefault.address - base) / kPiece * kPiece;
      uffdio_copy copy{};
      copy.dst = base + at;
      copy.src = reinterpret_cast<std::uintptr_t>(from_) + at;
      copy.len = kPiece;
      if (::ioctl(fd, UFFDIO_COPY, &copy) != 0) give_up("UFFDIO_COPY");
    }
  }

  const std::uint64_t bytes_;
  Fd listener_;
  Fd stop_;
  char* from_ = nullptr;
  std::thread thread_;
};

/// A clone's VMM: a process that takes its memory from the server, and touches pages when told to.
class Clone {
 public:
  Clone(std::shared_ptr<const Served> served, bool record, std::vector<std::uint64_t> touches)
      : touches_(std::move(touches)),
        home_(need(base::open_file(directory_.path(), O_RDONLY | O_DIRECTORY))),
        server_(std::make_shared<CloneServer>(std::move(served), record)),
        bytes_(touches_.size() * sizeof(std::uint32_t)) {
    void* shared =
        ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) give_up("no memory");
    waits_ = static_cast<std::uint32_t*>(shared);
  }
  Clone(const Clone&) = delete;
  Clone& operator=(const Clone&) = delete;
  ~Clone() {
    finish();
    server_->end();
    ::munmap(waits_, bytes_);
  }

  /// Before any thread is started, and the server's for it after that.
  void fork(std::uint64_t memory) {
    pid_ = ::fork();
    if (pid_ < 0) give_up("fork");
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    run(memory);
  }
  void listen() {
    need(server_->listen(home_.get()));
    tell('c');
    heard();
  }
  void listen_rawly(const Bench& bench) {
    raw_ = std::make_unique<RawServer>(bench, home_.get());
    tell('c');
    heard();
  }
  void go() { tell('g'); }
  void finish() {
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  void end() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    finish();
  }

  CloneServer& server() { return *server_; }
  /// In nanoseconds, of all touches.
  [[nodiscard]] std::vector<std::uint32_t> waits() const {
    return {waits_, waits_ + touches_.size()};
  }

 private:
  void tell(char what) {
    if (::write(commands_.write_end.get(), &what, 1) != 1) give_up("a clone has gone");
  }
  void heard() {
    char answer = 0;
    if (::read(answers_.read_end.get(), &answer, 1) != 1) give_up("a clone has gone");
  }

  [[noreturn]] void run(std::uint64_t size) {
    char command = 0;
    if (::read(commands_.read_end.get(), &command, 1) != 1) ::_exit(1);
    const Watched memory(size);
    const Fd connection = need(base::connect_unix_at(home_.get(), CloneServer::kSocket));
    const std::string text = R"([{"base_host_virt_addr":)" +
                             std::to_string(reinterpret_cast<std::uintptr_t>(memory.base)) +
                             R"(,"size":)" + std::to_string(size) +
                             R"(,"offset":0,"page_size":4096}])";
    const int fd = memory.faults.get();
    need(base::send_fds(connection.get(), text, std::span(&fd, 1)));
    if (::write(answers_.write_end.get(), "y", 1) != 1) ::_exit(1);
    if (::read(commands_.read_end.get(), &command, 1) != 1) ::_exit(1);
    for (std::size_t i = 0; i < touches_.size(); ++i) {
      const auto before = monotonic_now();
      (void)*const_cast<volatile char*>(memory.base + touches_[i] * kPage);
      waits_[i] =
          static_cast<std::uint32_t>(std::min<std::int64_t>(monotonic_now() - before, UINT32_MAX));
    }
    ::_exit(0);
  }

  const std::vector<std::uint64_t> touches_;
  base::TempDir directory_ = need(base::TempDir::create());
  Fd home_;
  std::shared_ptr<CloneServer> server_;
  std::unique_ptr<RawServer> raw_;  // instead
  base::Pipe commands_ = need(base::Pipe::create());
  base::Pipe answers_ = need(base::Pipe::create());
  std::size_t bytes_;
  std::uint32_t* waits_;
  pid_t pid_ = -1;
};

using Clones = std::vector<std::unique_ptr<Clone>>;

Clones start(const Bench& bench, const std::shared_ptr<Served>& served, bool record,
             const std::vector<std::vector<std::uint64_t>>& touches, bool rawly = false) {
  Clones clones;
  for (const auto& pages : touches) {
    clones.push_back(std::make_unique<Clone>(served, record, pages));
    clones.back()->fork(bench.bytes());
  }
  for (const auto& clone : clones) rawly ? clone->listen_rawly(bench) : clone->listen();
  return clones;
}

double run(Clones& clones) {
  const auto begin = monotonic_now();
  for (const auto& clone : clones) clone->go();
  for (const auto& clone : clones) clone->finish();
  return since_ms(begin);
}

void prefetch(Clone& clone) {
  CancelSource never;
  need(clone.server().prefetch(Call(never, FCVM_NO_DEADLINE)));
}

/// One page of each piece, in a random order.
std::vector<std::uint64_t> scattered(const Bench& bench, unsigned seed) {
  std::vector<std::uint64_t> pages;
  std::mt19937 random(seed);
  for (std::uint64_t piece = 0; piece < bench.bytes() / kPiece; ++piece) {
    pages.push_back(piece * kPagesOfPiece + random() % kPagesOfPiece);
  }
  std::shuffle(pages.begin(), pages.end(), random);
  return pages;
}

/// Of one snapshot: runs of 1 to 12 pages, a quarter of the memory. Of 100 runs each clone has
/// three of its own instead, as clones of one snapshot were seen to have, and an order of its own.
std::vector<std::uint64_t> working_set(const Bench& bench, unsigned seed) {
  std::mt19937 common(7);
  std::mt19937 own(seed);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs;
  const std::uint64_t all = bench.bytes() / kPage - 12;
  for (std::uint64_t sum = 0; sum < all / 4;) {
    std::uint64_t first = common() % all;
    const std::uint64_t count = 1 + common() % 12;
    if (own() % 100 < 3) first = own() % all;
    runs.emplace_back(first, count);
    sum += count;
  }
  std::shuffle(runs.begin(), runs.end(), own);
  std::vector<std::uint64_t> pages;
  for (const auto& [first, count] : runs) {
    for (std::uint64_t i = 0; i < count; ++i) pages.push_back(first + i);
  }
  return pages;
}

double mib_per_s(double mebibytes, double ms) { return mebibytes / ms * 1000; }

double copy_raw(const Bench& bench) {
  const Watched memory(bench.bytes());
  void* mapped = ::mmap(nullptr, bench.bytes(), PROT_READ, MAP_SHARED, bench.file(), 0);
  if (mapped == MAP_FAILED) give_up("mapping the snapshot");
  const auto begin = monotonic_now();
  for (std::uint64_t at = 0; at < bench.bytes(); at += kPiece) {
    uffdio_copy copy{};
    copy.dst = reinterpret_cast<std::uintptr_t>(memory.base) + at;
    copy.src = reinterpret_cast<std::uintptr_t>(mapped) + at;
    copy.len = kPiece;
    if (::ioctl(memory.faults.get(), UFFDIO_COPY, &copy) != 0) give_up("UFFDIO_COPY");
  }
  const double ms = since_ms(begin);
  ::munmap(mapped, bench.bytes());
  return ms;
}

double copy_prefetch(const Bench& bench) {
  PageSet all(bench.bytes() / kPage);
  all.add({0, all.pages()});
  Clones clones = start(bench, bench.serve(std::move(all)), false, {{0}});
  const auto begin = monotonic_now();
  prefetch(*clones.front());
  const double ms = since_ms(begin);
  clones.front()->end();
  return ms;
}

Clones scattered_clones(const Bench& bench, unsigned number, bool rawly = false) {
  std::vector<std::vector<std::uint64_t>> touches;
  for (unsigned i = 0; i < number; ++i) touches.push_back(scattered(bench, i));
  return start(bench, bench.serve({}), false, touches, rawly);
}

void report_copies(const Bench& bench, int rounds, unsigned number) {
  std::vector<double> raw;
  std::vector<double> fetched;
  std::vector<double> faulted;
  for (int i = 0; i < rounds; ++i) {
    raw.push_back(copy_raw(bench));
    fetched.push_back(copy_prefetch(bench));
    Clones clones = scattered_clones(bench, number);
    faulted.push_back(run(clones) / number);
  }
  const auto mebibytes = static_cast<double>(bench.bytes() >> 20);
  std::printf("{\"what\":\"copy_raw\",\"mib_s\":%.0f}\n", mib_per_s(mebibytes, median(raw)));
  for (const auto& [what, times] :
       {std::pair("copy_prefetch", &fetched), std::pair("copy_faults", &faulted)}) {
    std::printf("{\"what\":\"%s\",\"mib_s\":%.0f,\"of_raw\":%.2f}\n", what,
                mib_per_s(mebibytes, median(*times)), median(raw) / median(*times));
  }
}

/// The second adds what it misses to what the first used.
PageSet record(const Bench& bench, unsigned clones, double& first_ms) {
  PageSet used;
  for (unsigned seed = 1; seed <= clones; ++seed) {
    const bool first = used.pages() == 0;
    Clones clone = start(bench, bench.serve(std::move(used)), true, {working_set(bench, seed)});
    if (!first) prefetch(*clone.front());
    const double ms = run(clone);
    if (first) first_ms = ms;
    used = need(clone.front()->server().used());
  }
  return used;
}

void report_faults(const Bench& bench, unsigned recorded) {
  double recording_ms = 0;
  PageSet set = record(bench, recorded, recording_ms);
  const std::uint64_t pages = set.count();
  const auto touches = working_set(bench, 100);
  Clones bare = start(bench, bench.serve({}), false, {touches});
  const double bare_ms = run(bare);
  Clones warm = start(bench, bench.serve(std::move(set)), false, {touches});
  const auto begin = monotonic_now();
  prefetch(*warm.front());
  const double prefetch_ms = since_ms(begin);
  const double warm_ms = run(warm);
  const auto without = bare.front()->server().figures().faults;
  const auto with = warm.front()->server().figures().faults;
  std::printf(
      "{\"what\":\"faults\",\"recorded_clones\":%u,\"recorded_mib\":%.1f,\"recording_ms\":%.1f,"
      "\"without\":%llu,\"without_ms\":%.1f,\"with\":%llu,\"prefetch_ms\":%.1f,"
      "\"with_ms\":%.1f,\"fewer\":%.3f}\n",
      recorded, static_cast<double>(pages * kPage) / (1 << 20), recording_ms,
      static_cast<unsigned long long>(without), bare_ms, static_cast<unsigned long long>(with),
      prefetch_ms, warm_ms, 1 - static_cast<double>(with) / static_cast<double>(without));
}

/// Empties the page cache of the file; so nothing of it may be dirty or mapped.
void forget(const Bench& bench) {
  if (::fsync(bench.file()) != 0 || ::posix_fadvise(bench.file(), 0, 0, POSIX_FADV_DONTNEED) != 0) {
    give_up("dropping the page cache");
  }
}

double warm_ms(const Bench& bench, const PageSet& set) {
  const auto begin = monotonic_now();
  need(memory::warm(bench.file(), set, kPage, [] { return Result<void>(); }));
  return since_ms(begin);
}

double read_ms(const Bench& bench, const PageSet& set) {
  std::string buffer(1 << 20, '\0');
  const auto begin = monotonic_now();
  for (auto run = set.next(0); run.count > 0; run = set.next(run.first + run.count)) {
    const auto size = static_cast<ssize_t>(run.count * kPage);
    if (::pread(bench.file(), buffer.data(), static_cast<std::size_t>(size),
                static_cast<off_t>(run.first * kPage)) != size) {
      give_up("reading the snapshot");
    }
  }
  return since_ms(begin);
}

void report_warm(const Bench& bench, int rounds) {
  PageSet set(bench.bytes() / kPage);
  for (const std::uint64_t page : working_set(bench, 1)) set.add(page);
  std::vector<double> cold;
  std::vector<double> hot;
  std::vector<double> read;
  for (int i = 0; i < rounds; ++i) {
    forget(bench);
    cold.push_back(warm_ms(bench, set));
    hot.push_back(warm_ms(bench, set));
    forget(bench);
    read.push_back(read_ms(bench, set));
  }
  std::printf(
      "{\"what\":\"warm\",\"mib\":%.1f,\"from_disk_ms\":%.1f,\"there_ms\":%.1f,"
      "\"read_from_disk_ms\":%.1f}\n",
      static_cast<double>(set.count() * kPage) / (1 << 20), median(cold), median(hot),
      median(read));
}

std::string shown(std::vector<std::uint32_t> waits) {
  std::sort(waits.begin(), waits.end());
  const auto us = [&](std::size_t thousandth) {
    return std::to_string(waits[std::min(waits.size() - 1, waits.size() * thousandth / 1000)] /
                          1000);
  };
  return "\"p50_us\":" + us(500) + ",\"p90_us\":" + us(900) + ",\"p99_us\":" + us(990) +
         ",\"p999_us\":" + us(999);
}

void report_times(const Bench& bench, int rounds, unsigned number) {
  std::vector<std::uint32_t> waits[2];
  for (int i = 0; i < 2 * rounds; ++i) {
    Clones clones = scattered_clones(bench, number, i % 2 == 0);
    run(clones);
    for (const auto& clone : clones) {
      const auto more = clone->waits();
      waits[i % 2].insert(waits[i % 2].end(), more.begin(), more.end());
    }
  }
  std::printf("{\"what\":\"fault_times_raw\",\"clones\":%u,%s}\n", number, shown(waits[0]).c_str());
  std::printf("{\"what\":\"fault_times\",\"clones\":%u,%s}\n", number, shown(waits[1]).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 7;
  const std::uint64_t mebibytes = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 64;
  const auto clones = static_cast<unsigned>(argc > 3 ? std::atoi(argv[3]) : 16);
  if (rounds < 1 || mebibytes < 1 || clones < 1) give_up("[ROUNDS [MEBIBYTES [CLONES]]]");
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Bench bench(mebibytes << 20);
  report_warm(bench, rounds);
  report_copies(bench, rounds, clones);
  for (const unsigned recorded : {1U, 2U}) report_faults(bench, recorded);
  report_times(bench, rounds, 1);
  report_times(bench, rounds, clones);
  return 0;
}
