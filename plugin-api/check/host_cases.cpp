// older-host, newer-host, no-services: hosts whose tables are smaller or larger than the plugin's.
#include <cstddef>
#include <cstring>
#include <new>

#include <fcvm/readiness.h>
#include <fcvm/sdk/call.hpp>

#include "plugin-api/check/fake_host.hpp"
#include "plugin-api/check/loaded.hpp"
#include "plugin-api/check/patience.hpp"

namespace fcvm::check {
namespace {

constexpr std::byte kCanary{0xa5};
constexpr std::size_t kTail = 64;

/// A struct as a host of another version has it: it says `size`, and canaries stand behind that.
template <typename T>
class Resized {
 public:
  explicit Resized(std::size_t size) : size_(size), bytes_(sizeof(T) + 2 * kTail, kCanary) {
    std::memset(bytes_.data(), 0, std::min(size, sizeof(T)));
    const auto said = static_cast<std::uint32_t>(size);
    std::memcpy(bytes_.data(), &said, sizeof said);
  }
  [[nodiscard]] T* get() { return reinterpret_cast<T*>(bytes_.data()); }
  [[nodiscard]] bool untouched() const {
    for (std::size_t i = size_; i < bytes_.size(); ++i) {
      if (bytes_[i] != kCanary) return false;
    }
    return true;
  }

 private:
  std::size_t size_;
  std::vector<std::byte> bytes_;
};

Result<void> must_be_untouched(bool untouched, const std::string& what) {
  if (untouched) return {};
  return broken("it wrote beyond the size of an older host's " + what,
                "write min(out->size, sizeof) bytes: the SDK's sized_assign()");
}

bool used_what_is_not_there = false;
const void* trap_service(const fcvm_host*, const char*) {
  used_what_is_not_there = true;
  return nullptr;
}

/// All that a plugin may be asked for without a guest, in an instance of its own.
Result<void> exercise(const Loaded& plugin, const fcvm_host* host, std::size_t tail) {
  const auto instance = FCVM_TRY(create(plugin, host, tail));
  auto settings = plugin.settings(tail);
  auto answer = sized<fcvm_probe>();
  auto error = sized<fcvm_error>();
  const auto deadline = monotonic_now() + 200 * kMillisecond;
  plugin.table->probe(host, settings.get(), deadline, &answer, &error);
  if (std::string(plugin.descriptor.kind) != FCVM_KIND_READINESS) return {};
  const auto verbs =
      sized_copy(static_cast<const fcvm_readiness_v1*>(plugin.table->verbs(FCVM_KIND_READINESS)));
  if (verbs.wait == nullptr) return {};
  auto ready = sized<fcvm_ready_target>();
  ready.vm_id = ready.container = "fake";
  verbs.wait(instance.get(), &ready, monotonic_now() + 50 * kMillisecond, &error);
  return {};
}

Result<void> check_small_answers(const Loaded& plugin, const fcvm_host* host) {
  Resized<fcvm_descriptor> descriptor(offsetof(fcvm_descriptor, capabilities));
  Resized<fcvm_error> error(offsetof(fcvm_error, message));
  plugin.table->describe(descriptor.get(), error.get());
  FCVM_TRY(must_be_untouched(descriptor.untouched(), "fcvm_descriptor"));
  Resized<fcvm_probe> probe(offsetof(fcvm_probe, reason));
  auto settings = plugin.settings();
  const auto deadline = monotonic_now() + 200 * kMillisecond;
  plugin.table->probe(host, settings.get(), deadline, probe.get(), error.get());
  FCVM_TRY(must_be_untouched(probe.untouched(), "fcvm_probe"));
  settings.add("no-such-option", *parse_value(FCVM_OPTION_TEXT, "x"));
  void* raw = nullptr;
  plugin.table->create(host, settings.get(), &raw, error.get());
  if (raw != nullptr) plugin.table->destroy(&raw);
  return must_be_untouched(error.untouched(), "fcvm_error");
}

Result<void> check_older_host(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  auto host = sized<fcvm_host>();
  host.size = offsetof(fcvm_host, service);
  host.version = FCVM_VERSION;
  host.service = trap_service;
  FCVM_TRY(check_small_answers(plugin, &host));
  FCVM_TRY(exercise(plugin, &host, 0));
  if (!used_what_is_not_there) return {};
  return broken("it used fcvm_host.service, which lies beyond the size that the host gave",
                "read the host's structs through the SDK's sized_copy()");
}

Result<void> check_large_answers(const Loaded& plugin, const fcvm_host* host) {
  Resized<fcvm_descriptor> descriptor(sizeof(fcvm_descriptor) + kTail);
  Resized<fcvm_probe> probe(sizeof(fcvm_probe) + kTail);
  Resized<fcvm_error> error(sizeof(fcvm_error) + kTail);
  const char* const remedy = "take size as room, never compare it for equality";
  if (plugin.table->describe(descriptor.get(), error.get()) != 0 ||
      descriptor.get()->capabilities != plugin.descriptor.capabilities) {
    return broken("it did not describe itself into a newer host's larger fcvm_descriptor", remedy);
  }
  auto settings = plugin.settings(kTail);
  const auto deadline = monotonic_now() + 1000 * kMillisecond;
  if (plugin.table->probe(host, settings.get(), deadline, probe.get(), error.get()) != 0 ||
      probe.get()->status == 0) {
    return broken("it did not answer into a newer host's larger fcvm_probe", remedy);
  }
  return must_be_untouched(descriptor.untouched() && probe.untouched(), "structs");
}

Result<void> check_newer_host(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  FakeHost fake(Manner::kRefuse);
  Resized<fcvm_host> large(sizeof(fcvm_host) + kTail);
  auto* const host = large.get();
  *host = *fake.host();
  host->size = sizeof(fcvm_host) + kTail;
  host->reserved = UINT32_MAX;
  FCVM_TRY(check_large_answers(plugin, host));
  return exercise(plugin, host, kTail) | context("under a newer host, with larger structs");
}

Result<void> check_no_services(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  FakeHost host(Manner::kAbsent);
  return exercise(plugin, host.host(), 0) | context("under a host without services");
}

}  // namespace

void add_host_cases(std::vector<Case>& cases) {
  cases.push_back({"older-host",
                   "Growth",
                   "under an older host it reads and writes no more than that host's structs have",
                   {"create-destroy", "probe"},
                   check_older_host});
  cases.push_back({"newer-host",
                   "Growth",
                   "under a newer host it ignores what it does not know",
                   {"create-destroy", "probe"},
                   check_newer_host});
  cases.push_back({"no-services",
                   "Host services",
                   "under a host without services it fails with errors, and does not crash",
                   {"create-destroy", "probe"},
                   check_no_services});
}

}  // namespace fcvm::check
