// A VMM plugin as the core sees it: loaded as a shared object, driven through its C tables.
#pragma once

#include <dlfcn.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <vector>

#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/sized.hpp>
#include <fcvm/vmm.h>

#include "core/base/io/fd.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/vmm_host.hpp"

namespace fcvm::test {

inline std::int64_t in_ms(std::int64_t ms) { return monotonic_now() + ms * 1'000'000; }

/// Which plugin, with what settings.
struct Subject {
  std::string name;
  std::string object;  // the plugin's file
  std::map<std::string, std::string> texts;
  std::map<std::string, bool> switches;
  std::map<std::string, std::int64_t> durations;
  std::vector<std::string> args;  // the setting "args", where the plugin has one
  std::string version;            // what status() says
  std::string accelerator = "kvm";
  bool snapshots = false;
  /// A guest whose ports are those of the fakes.
  bool fake_guest = true;
};

inline std::string read_to_end(const base::Fd& fd) {
  auto all = base::read_all(fd.get(), 64 << 20);
  return all ? *all : "error: " + all.error().message();
}

inline const fcvm_plugin* plugin_at(const std::string& object) {
  void* handle = ::dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) FAIL(::dlerror());
  return reinterpret_cast<fcvm_plugin_entry_fn>(::dlsym(handle, FCVM_ENTRY_SYMBOL))();
}

/// The settings of a subject, as the host hands them over.
class Settings {
 public:
  explicit Settings(const Subject& subject) : subject_(subject) {
    for (const auto& [name, value] : subject_.texts) {
      add(name, FCVM_OPTION_TEXT).text = value.c_str();
    }
    for (const auto& [name, value] : subject_.switches) {
      add(name, FCVM_OPTION_BOOLEAN).number = value ? 1 : 0;
    }
    for (const auto& [name, value] : subject_.durations) {
      add(name, FCVM_OPTION_DURATION).number = value;
    }
    for (const auto& word : subject_.args) words_.push_back(word.c_str());
    if (!words_.empty()) {
      auto& list = add("args", FCVM_OPTION_LIST);
      list.items = words_.data();
      list.item_count = static_cast<std::uint32_t>(words_.size());
    }
    settings_.items = pointers_.data();
    settings_.count = static_cast<std::uint32_t>(pointers_.size());
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;
  [[nodiscard]] const fcvm_settings* get() const { return &settings_; }

 private:
  fcvm_setting& add(const std::string& name, std::uint32_t type) {
    auto& row = *rows_.emplace_back(std::make_unique<fcvm_setting>(sized<fcvm_setting>()));
    row.name = names_.emplace_back(std::make_unique<std::string>(name))->c_str();
    row.type = type;
    pointers_.push_back(&row);
    return row;
  }

  const Subject subject_;
  std::vector<std::unique_ptr<fcvm_setting>> rows_;
  std::vector<std::unique_ptr<std::string>> names_;
  std::vector<const char*> words_;
  std::vector<const fcvm_setting*> pointers_;
  fcvm_settings settings_ = sized<fcvm_settings>();
};

class Machine {
 public:
  explicit Machine(const Subject& subject)
      : settings_(subject),
        plugin_(plugin_at(subject.object)),
        directory_(*base::TempDir::create()),
        directory_fd_(*base::open_file(directory_.path(), O_RDONLY | O_DIRECTORY)) {
    write("kernel", "a bzImage");
    write("kernel.elf", "\177ELF and so on");
    REQUIRE(plugin_->create(vmm_host(), settings_.get(), &instance_, &error_) == 0);
    verbs_ = static_cast<const fcvm_vmm_v1*>(plugin_->verbs(FCVM_KIND_VMM));
    spec_.vm_id = "vm1";
    spec_.directory_fd = directory_fd_.get();
    spec_.cpus = 1;
    spec_.memory_bytes = 256u << 20;
    spec_.kernel = "kernel";
    spec_.kernel_elf = "kernel.elf";
    spec_.console = "console";
    spec_.guest_socket = "guest.sock";
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() { destroy(); }
  void destroy() { plugin_->destroy(&instance_); }

  void write(const std::string& name, const std::string& bytes) {
    REQUIRE(base::write_file_atomic(path() + "/" + name, bytes));
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    auto bytes = base::read_file(path() + "/" + name);
    return bytes ? *bytes : "";
  }
  [[nodiscard]] bool exists(const std::string& name) const {
    return ::access((path() + "/" + name).c_str(), F_OK) == 0;
  }

  std::int32_t start(std::int64_t ms = 20'000) {
    jail_for(spec_, nullptr);
    return verbs_->start(instance_, &spec_, in_ms(ms), &error_);
  }
  std::int32_t restore(const char* version, const char* memory = "memory",
                       std::uint32_t type = FCVM_MEMORY_FROM_FILE, const char* format = nullptr) {
    auto source = sized<fcvm_memory_source>();
    source.type = type;
    source.path = memory;
    auto from = sized<fcvm_vm_restore>();
    from.device_state = "state";
    from.memory = &source;
    from.vmm_version = version;
    from.snapshot_format = format;
    jail_for(spec_, &from);
    return verbs_->restore(instance_, &spec_, &from, in_ms(20'000), &error_);
  }
  std::int32_t pause(std::int64_t ms = 20'000) {
    return verbs_->pause(instance_, in_ms(ms), &error_);
  }
  std::int32_t resume() { return verbs_->resume(instance_, in_ms(20'000), &error_); }
  std::int32_t snapshot(std::uint32_t type = FCVM_SNAPSHOT_FULL) {
    auto wanted = sized<fcvm_vm_snapshot>();
    wanted.type = type;
    wanted.device_state = "state";
    wanted.memory = "memory";
    return verbs_->snapshot(instance_, &wanted, in_ms(20'000), &error_);
  }
  std::int32_t set_balloon(std::uint64_t bytes) {
    return verbs_->set_balloon(instance_, bytes, in_ms(20'000), &error_);
  }
  fcvm_vm_balloon balloon() {
    auto figures = sized<fcvm_vm_balloon>();
    CHECK(verbs_->balloon(instance_, in_ms(20'000), &figures, &error_) == 0);
    return figures;
  }
  std::int32_t connect(std::uint32_t port, base::Fd& fd, std::int64_t ms = 20'000) {
    int raw = -1;
    const auto code = verbs_->connect(instance_, port, in_ms(ms), &raw, &error_);
    fd = base::Fd(raw);
    return code;
  }
  /// As a caller does while the guest boots.
  base::Fd connected(std::uint32_t port) {
    base::Fd fd;
    int code = -ECONNREFUSED;
    for (int i = 0; i < 500 && code == -ECONNREFUSED; ++i) {
      code = connect(port, fd);
      if (code == -ECONNREFUSED) ::usleep(10'000);
    }
    INFO(message());
    REQUIRE(code == 0);
    return fd;
  }
  /// A snapshot of the source's becomes this one's to restore; neither it nor its files are
  /// changed.
  void take_snapshot(const Machine& source) {
    for (const char* name : {"state", "memory"}) {
      REQUIRE(::symlinkat((source.path() + "/" + name).c_str(), directory(), name) == 0);
    }
  }
  std::int32_t kill() { return verbs_->kill(instance_, in_ms(20'000), &error_); }
  fcvm_vm_status status() {
    auto now = sized<fcvm_vm_status>();
    CHECK(verbs_->status(instance_, &now, &error_) == 0);
    return now;
  }
  fcvm_vm_status ended() {
    for (int i = 0; i < 500 && status().state != FCVM_VM_ENDED; ++i) ::usleep(10'000);
    CHECK(kill() == 0);  // from then on the reason is known
    return status();
  }
  [[nodiscard]] std::string message() const { return error_.message; }
  [[nodiscard]] std::string remedy() const { return error_.remedy; }
  [[nodiscard]] const std::string& path() const { return directory_.path(); }
  [[nodiscard]] int directory() const { return directory_fd_.get(); }
  [[nodiscard]] const fcvm_plugin& plugin() const { return *plugin_; }
  [[nodiscard]] const fcvm_vmm_v1& verbs() const { return *verbs_; }
  [[nodiscard]] const fcvm_settings* settings() const { return settings_.get(); }
  fcvm_vm_spec& spec() { return spec_; }
  void* instance() { return instance_; }
  fcvm_error* error() { return &error_; }

 private:
  Settings settings_;
  const fcvm_plugin* plugin_;
  base::TempDir directory_;
  base::Fd directory_fd_;
  fcvm_vm_spec spec_ = sized<fcvm_vm_spec>();
  void* instance_ = nullptr;
  const fcvm_vmm_v1* verbs_ = nullptr;
  fcvm_error error_ = sized<fcvm_error>();
};

/// The verb's code is 0; else the test ends, with the plugin's words.
inline void succeeded(const Machine& machine, std::int32_t code) {
  INFO(machine.message());
  REQUIRE(code == 0);
}

}  // namespace fcvm::test
