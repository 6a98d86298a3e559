// Random operations on files through the mount, against a model in memory. The seed is printed, and
// FCVM_TEST_SEED replays it; FCVM_TEST_OPERATIONS makes it run longer.
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/falloc.h>
#include <map>
#include <memory>
#include <random>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "tests/contract/fusepipe/served.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/skip.hpp"

using namespace fcvm;
using fcvm::test::Served;

namespace {

constexpr std::size_t kLargest = 300'000;
constexpr int kNames = 6;

unsigned long number_from(const char* variable, unsigned long otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoul(text, nullptr, 10) : otherwise;
}

/// Works in a directory of its own, so that several can at once. Its difference is the first that
/// it found; empty while there is none.
class Exerciser {
 public:
  Exerciser(std::string directory, unsigned long seed)
      : directory_(std::move(directory)), random_(seed) {
    if (::mkdir(directory_.c_str(), 0755) != 0) difference_ = "mkdir";
  }

  void run(unsigned long operations) {
    for (unsigned long i = 0; i < operations && difference_.empty(); ++i) {
      step();
      if (!difference_.empty()) difference_ += " at operation " + std::to_string(i);
    }
  }

  /// Every file, by another way to the same directory.
  void compare(const std::string& elsewhere) {
    for (const auto& [name, bytes] : model_) {
      const auto found = base::read_file(elsewhere + "/" + name);
      if (!found || *found != bytes) differ("the host's " + name);
    }
  }

  [[nodiscard]] const std::string& difference() const { return difference_; }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  std::string some_name() { return "f" + std::to_string(below(kNames)); }
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  void differ(const std::string& what) {
    if (difference_.empty()) difference_ = what;
  }
  base::Fd open(const std::string& name, int flags) {
    return base::Fd(::open(path(name).c_str(), flags | O_CLOEXEC, 0644));
  }

  void step() {
    const std::string name = some_name();
    if (model_.find(name) == model_.end()) {
      if (!open(name, O_CREAT | O_EXCL | O_WRONLY)) differ("create");
      model_[name];
      return;
    }
    std::string& bytes = model_[name];
    switch (below(9)) {
      case 0:
      case 1:
        return write(name, bytes);
      case 2:
        return append(name, bytes);
      case 3:
        return read(name, bytes);
      case 4:
        return truncate(name, bytes);
      case 5:
        return write_by_memory(name, bytes);
      case 6:
        return punch(name, bytes);
      case 7:
        return rename(name);
      default:
        if (below(3) == 0) {
          if (::unlink(path(name).c_str()) != 0) differ("unlink");
          model_.erase(name);
        }
    }
  }

  std::string some_bytes() {
    std::string bytes(1 + below(40'000), static_cast<char>('a' + below(26)));
    return bytes;
  }

  void write(const std::string& name, std::string& bytes) {
    const std::string more = some_bytes();
    const std::size_t at = below(kLargest - more.size());
    const base::Fd fd = open(name, O_RDWR);
    if (::pwrite(fd.get(), more.data(), more.size(), static_cast<off_t>(at)) !=
        static_cast<ssize_t>(more.size())) {
      differ("pwrite");
    }
    if (bytes.size() < at + more.size()) bytes.resize(at + more.size());
    bytes.replace(at, more.size(), more);
  }

  void append(const std::string& name, std::string& bytes) {
    const std::string more = some_bytes();
    if (bytes.size() + more.size() > kLargest) return;
    const base::Fd fd = open(name, O_WRONLY | O_APPEND);
    if (!base::write_all(fd.get(), more)) differ("append");
    bytes += more;
  }

  void read(const std::string& name, const std::string& bytes) {
    struct stat status {};
    if (::stat(path(name).c_str(), &status) != 0 ||
        status.st_size != static_cast<off_t>(bytes.size())) {
      differ("size of " + name);
    }
    const base::Fd fd = open(name, O_RDONLY);
    std::string got(1 + below(100'000), '\0');
    const std::size_t at = below(bytes.size());
    const ssize_t size = ::pread(fd.get(), got.data(), got.size(), static_cast<off_t>(at));
    if (size < 0 || bytes.substr(at, got.size()) != got.substr(0, static_cast<std::size_t>(size))) {
      differ("pread of " + name);
    }
  }

  void truncate(const std::string& name, std::string& bytes) {
    const std::size_t size = below(kLargest);
    if (::truncate(path(name).c_str(), static_cast<off_t>(size)) != 0) differ("truncate");
    bytes.resize(size);
  }

  void write_by_memory(const std::string& name, std::string& bytes) {
    if (bytes.empty()) return;
    const base::Fd fd = open(name, O_RDWR);
    void* memory = ::mmap(nullptr, bytes.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) return differ("mmap");
    const std::size_t at = below(bytes.size());
    const std::size_t size = std::min<std::size_t>(bytes.size() - at, 1 + below(9000));
    std::memset(static_cast<char*>(memory) + at, 'M', size);
    bytes.replace(at, size, std::string(size, 'M'));
    ::munmap(memory, bytes.size());
  }

  void punch(const std::string& name, std::string& bytes) {
    if (bytes.empty()) return;
    const std::size_t at = below(bytes.size());
    const std::size_t size = std::min<std::size_t>(bytes.size() - at, 1 + below(20'000));
    const base::Fd fd = open(name, O_RDWR);
    if (::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(at),
                    static_cast<off_t>(size)) != 0) {
      return differ("fallocate");
    }
    bytes.replace(at, size, std::string(size, '\0'));
  }

  void rename(const std::string& name) {
    const std::string other = some_name();
    if (::rename(path(name).c_str(), path(other).c_str()) != 0) differ("rename");
    if (other == name) return;
    model_[other] = std::move(model_[name]);
    model_.erase(name);
  }

  std::string directory_;
  std::mt19937_64 random_;
  std::map<std::string, std::string> model_;
  std::string difference_;
};

void exercise(const std::string& cache) {
  FCVM_SKIP_IF(!test::why_no_mount().empty(), test::why_no_mount());
  const unsigned long seed = number_from("FCVM_TEST_SEED", std::random_device()());
  const unsigned long operations = number_from("FCVM_TEST_OPERATIONS", 400);
  INFO("FCVM_TEST_SEED=" << seed);
  Served served({"--cache", cache});
  std::vector<std::unique_ptr<Exerciser>> workers;
  std::vector<std::thread> threads;
  for (unsigned long i = 0; i < 4; ++i) {
    workers.push_back(
        std::make_unique<Exerciser>(served.mounted("w" + std::to_string(i)), seed + i));
    threads.emplace_back([&worker = *workers.back(), operations] { worker.run(operations); });
  }
  for (std::thread& each : threads) each.join();
  const base::Fd root(::open(served.mounted().c_str(), O_RDONLY | O_CLOEXEC));
  ::syncfs(root.get());
  for (std::size_t i = 0; i < workers.size(); ++i) {
    workers[i]->compare(served.host("w" + std::to_string(i)));
    CHECK(workers[i]->difference() == "");
  }
}

}  // namespace

TEST_CASE("random operations through the mount agree with a model") { exercise("auto"); }

TEST_CASE("random operations agree where nothing is cached") { exercise("none"); }

TEST_CASE("random operations agree where all is cached") { exercise("always"); }
