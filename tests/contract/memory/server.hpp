// The host of a memory plugin: one instance of it for one snapshot; directories of snapshots and
// clones.
#pragma once

#include <dlfcn.h>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fcvm/memory.h>
#include <fcvm/sdk/call.hpp>

#include "core/base/io/fd.hpp"
#include "core/base/io/temp_dir.hpp"
#include "plugins/memory/common/working_set.hpp"
#include "tests/contract/memory/fake_vmm.hpp"
#include "tests/support/fake_host.hpp"
#include "tests/support/must.hpp"
#include "tests/support/skip.hpp"

namespace fcvm::test {

constexpr std::uint64_t kPages = 16;
constexpr std::uint64_t kMemory = kPages * kPage;

inline bool userfaultfd_opens() {
  return Fd(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK))).valid();
}

#define NEEDS_USERFAULTFD() FCVM_SKIP_IF(!userfaultfd_opens(), "this user may not have userfaultfd")

inline std::int64_t soon(std::int64_t ms = 10'000) { return monotonic_now() + ms * 1'000'000; }

inline std::size_t entries_of(const char* directory) {
  std::filesystem::directory_iterator all(directory);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}
inline std::size_t open_fds() { return entries_of("/proc/self/fd"); }
inline std::size_t threads() { return entries_of("/proc/self/task"); }

/// The kernel takes a moment to remove what has ended.
inline bool soon_is(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

/// A directory with the layers of a snapshot, or that of a clone.
class Directory {
 public:
  Directory() { fd_ = must(base::open_file(made_.path(), O_RDONLY | O_DIRECTORY)); }

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::string path(const std::string& name) const {
    return made_.path() + "/" + name;
  }

  /// A memory file with a letter for each page: '.' is a hole, '0' zeros that are data.
  void write_layer(const std::string& name, const std::string& pages,
                   std::uint64_t page_bytes = kPage) const {
    const Fd file = must(base::open_file(path(name), O_WRONLY | O_CREAT | O_TRUNC));
    REQUIRE(::ftruncate(file.get(), static_cast<off_t>(pages.size() * page_bytes)) == 0);
    for (std::size_t i = 0; i < pages.size(); ++i) {
      if (pages[i] == '.') continue;
      const std::string page(page_bytes, pages[i] == '0' ? '\0' : pages[i]);
      REQUIRE(::pwrite(file.get(), page.data(), page_bytes, static_cast<off_t>(i * page_bytes)) ==
              static_cast<ssize_t>(page_bytes));
    }
  }

  void write_working_set(const std::string& name,
                         std::initializer_list<std::uint64_t> pages) const {
    memory::PageSet set(kPages);
    for (const std::uint64_t page : pages) set.add(page);
    must(memory::write_working_set(fd(), name.c_str(), set, kPage));
  }

 private:
  base::TempDir made_ = must(base::TempDir::create());
  Fd fd_;
};

struct Setting {
  const char* name;
  std::uint32_t type;
  std::int64_t number;
};

/// A page server that gives more than the page that is missed is told not to: tests count pages.
inline std::vector<Setting> page_by_page() {
  if (FCVM_TEST_MEMORY_HAS_PIECES == 0) return {};
  return {{"piece", FCVM_OPTION_SIZE, kPage}};
}

/// The host: one instance of the plugin for one snapshot.
class Server {
 public:
  explicit Server(const std::vector<Setting>& settings = page_by_page()) {
    static void* const object = ::dlopen(FCVM_TEST_MEMORY_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    INFO(::dlerror());
    REQUIRE(object != nullptr);
    plugin_ = reinterpret_cast<fcvm_plugin_entry_fn>(::dlsym(object, FCVM_ENTRY_SYMBOL))();
    verbs_ = static_cast<const fcvm_memory_v1*>(plugin_->verbs(FCVM_KIND_MEMORY));
    create(settings);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { destroy(); }

  std::int32_t open(const Directory& snapshot, const std::vector<const char*>& names,
                    const char* working_set = nullptr, std::uint64_t page_bytes = kPage,
                    std::uint64_t memory_bytes = kMemory) {
    std::vector<fcvm_memory_layer> layers;
    std::vector<const fcvm_memory_layer*> pointers;
    for (const char* name : names) {
      layers.push_back(sized<fcvm_memory_layer>());
      layers.back().directory_fd = snapshot.fd();
      layers.back().path = name;
    }
    for (const auto& layer : layers) pointers.push_back(&layer);
    auto request = sized<fcvm_memory_request>();
    request.layers = pointers.data();
    request.layer_count = static_cast<std::uint32_t>(pointers.size());
    request.memory_bytes = memory_bytes;
    request.page_bytes = page_bytes;
    request.working_set = working_set;
    return verbs_->open(instance_, &request, soon(), &error_);
  }
  /// `socket` receives what the clone is offered.
  std::int32_t attach(const char* id, const Directory& home, std::string* socket = nullptr,
                      std::uint32_t flags = 0) {
    auto clone = sized<fcvm_memory_clone>();
    clone.clone_id = id;
    clone.directory_fd = home.fd();
    clone.flags = flags;
    auto offer = sized<fcvm_memory_offer>();
    const auto code = verbs_->attach_clone(instance_, &clone, soon(), &offer, &error_);
    if (code == 0) CHECK(offer.type == FCVM_TEST_MEMORY_OFFER);
    if (socket != nullptr) *socket = text_of(offer.path);
    return code;
  }
  std::int32_t started(const char* id, const FakeVmm& vmm) {
    return verbs_->clone_started(instance_, id, vmm.pidfd(), &error_);
  }
  std::int32_t prefetch(const char* id, std::int64_t deadline = soon()) {
    return verbs_->prefetch(instance_, id, deadline, &error_);
  }
  std::int32_t working_set(const char* id, const Directory& to, const char* path) {
    return verbs_->working_set(instance_, id, to.fd(), path, soon(), &error_);
  }
  std::int32_t detach(const char* id) {
    return verbs_->detach_clone(instance_, id, soon(), &error_);
  }
  std::int32_t clone_health(const char* id) { return verbs_->clone_health(instance_, id, &error_); }
  std::int32_t health(int* fd = nullptr) { return verbs_->health(instance_, fd, &error_); }
  fcvm_memory_figures figures() {
    auto figures = sized<fcvm_memory_figures>();
    CHECK(verbs_->figures(instance_, &figures, &error_) == 0);
    return figures;
  }
  std::int32_t close() { return verbs_->close(instance_, soon(), &error_); }
  void cancel() { plugin_->cancel(instance_); }
  void destroy() { plugin_->destroy(&instance_); }

  [[nodiscard]] std::string message() const { return std::string(text_of(error_.message)); }
  [[nodiscard]] std::string remedy() const { return std::string(text_of(error_.remedy)); }

 private:
  void create(const std::vector<Setting>& settings) {
    std::vector<fcvm_setting> items;
    std::vector<const fcvm_setting*> pointers;
    for (const Setting& setting : settings) {
      items.push_back(sized<fcvm_setting>());
      items.back().type = setting.type;
      items.back().name = setting.name;
      items.back().number = setting.number;
    }
    for (const auto& item : items) pointers.push_back(&item);
    auto raw = sized<fcvm_settings>();
    raw.items = pointers.data();
    raw.count = static_cast<std::uint32_t>(pointers.size());
    REQUIRE(plugin_->create(host_.raw(), &raw, &instance_, &error_) == 0);
  }

  FakeHost host_;
  const fcvm_plugin* plugin_ = nullptr;
  const fcvm_memory_v1* verbs_ = nullptr;
  void* instance_ = nullptr;
  fcvm_error error_ = sized<fcvm_error>();
};

}  // namespace fcvm::test
