// The qemu plugin as the core sees it: loaded as a shared object, driven through its C tables.
#pragma once

#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/sized.hpp>
#include <fcvm/vmm.h>

#include "core/base/fd.hpp"
#include "core/base/file.hpp"
#include "core/base/socket_pair.hpp"
#include "core/base/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process_host.hpp"

namespace fcvm::test {

inline const fcvm_plugin* plugin() {
  static void* object = ::dlopen(FCVM_TEST_PLUGIN, RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) FAIL(::dlerror());
  return reinterpret_cast<fcvm_plugin_entry_fn>(::dlsym(object, FCVM_ENTRY_SYMBOL))();
}

inline std::int64_t in_ms(std::int64_t ms) { return monotonic_now() + ms * 1'000'000; }

class Machine {
 public:
  /// `behaviour` is the fake's last argument.
  explicit Machine(const char* behaviour = "well", const char* binary = FCVM_TEST_FAKE_QEMU)
      : behaviour_(behaviour),
        directory_(*base::TempDir::create()),
        directory_fd_(*base::open_file(directory_.path(), O_RDONLY | O_DIRECTORY)) {
    (void)base::write_file_atomic(directory_.path() + "/kernel", "kernel");
    binary_ = text("binary", binary);
    accel_ = text("accel", "tcg");
    args_ = text("args", nullptr);
    args_.type = FCVM_OPTION_LIST;
    args_.items = &behaviour_;
    args_.item_count = 1;
    settings_ = sized<fcvm_settings>();
    settings_.items = items_;
    settings_.count = 3;
    REQUIRE(plugin()->create(process_host(), &settings_, &instance_, &error_) == 0);
    verbs_ = static_cast<const fcvm_vmm_v1*>(plugin()->verbs(FCVM_KIND_VMM));
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() { destroy(); }
  void destroy() { plugin()->destroy(&instance_); }

  std::int32_t start(std::int64_t ms = 10'000) {
    auto spec = sized<fcvm_vm_spec>();
    spec.vm_id = "vm1";
    spec.directory_fd = directory_fd_.get();
    spec.net_namespace_fd = spec.user_namespace_fd = spec.cgroup_fd = -1;
    spec.cpus = 1;
    spec.memory_bytes = 256u << 20;
    spec.kernel = "kernel";
    spec.console = "console";
    spec.guest_socket = "guest.sock";
    return verbs_->start(instance_, &spec, in_ms(ms), &error_);
  }
  std::int32_t connect(std::uint32_t port, base::Fd& fd, std::int64_t ms = 10'000) {
    int raw = -1;
    const auto code = verbs_->connect(instance_, port, in_ms(ms), &raw, &error_);
    fd = base::Fd(raw);
    return code;
  }
  /// As a caller does while the guest boots.
  base::Fd connected(std::uint32_t port) {
    base::Fd fd;
    int code = -ECONNREFUSED;
    for (int i = 0; i < 200 && code == -ECONNREFUSED; ++i) {
      code = connect(port, fd);
      if (code == -ECONNREFUSED) ::usleep(10'000);
    }
    INFO(message());
    REQUIRE(code == 0);
    return fd;
  }
  fcvm_vm_status status() {
    auto now = sized<fcvm_vm_status>();
    CHECK(verbs_->status(instance_, &now, &error_) == 0);
    return now;
  }
  fcvm_vm_status ended() {
    for (int i = 0; i < 500 && status().state != FCVM_VM_ENDED; ++i) ::usleep(10'000);
    return status();
  }
  [[nodiscard]] std::string message() const { return error_.message; }
  [[nodiscard]] const std::string& path() const { return directory_.path(); }
  [[nodiscard]] const fcvm_vmm_v1& verbs() const { return *verbs_; }
  [[nodiscard]] const fcvm_settings* settings() const { return &settings_; }
  void* instance() { return instance_; }
  fcvm_error* error() { return &error_; }

 private:
  static fcvm_setting text(const char* name, const char* value) {
    auto setting = sized<fcvm_setting>();
    setting.type = FCVM_OPTION_TEXT;
    setting.name = name;
    setting.text = value;
    return setting;
  }
  const char* behaviour_;
  base::TempDir directory_;
  base::Fd directory_fd_;
  fcvm_setting binary_, accel_, args_;
  const fcvm_setting* items_[3] = {&binary_, &accel_, &args_};
  fcvm_settings settings_;
  void* instance_ = nullptr;
  const fcvm_vmm_v1* verbs_ = nullptr;
  fcvm_error error_ = sized<fcvm_error>();
};

inline std::string read_to_end(int fd) {
  auto all = base::read_all(fd, 64 << 20);
  return all ? *all : "error: " + all.error().message();
}

}  // namespace fcvm::test
