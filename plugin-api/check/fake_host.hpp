// A host for a plugin under test: it offers every service, does nothing real, and remembers what it
// was asked.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <fcvm/host.h>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::check {

/// What the services do when they are asked for something.
enum class Manner {
  kRefuse,  // fail at once, with a message
  kSilent,  // succeed, and then nothing ever happens: no byte, no line, no exit
  kAbsent,  // there is no service at all
};

class FakeHost {
 public:
  explicit FakeHost(Manner manner);
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;
  ~FakeHost();

  [[nodiscard]] const fcvm_host* host() const { return &host_; }
  /// "process/1 spawn pasta", in order.
  [[nodiscard]] std::vector<std::string> calls() const;
  /// The first call that begins so, or "".
  [[nodiscard]] std::string call_of(const std::string& beginning) const;

  // For the tables of services.
  [[nodiscard]] static FakeHost& of(const fcvm_host* host);
  [[nodiscard]] Manner manner() const { return manner_; }
  void record(std::string call);
  /// Fails in the way of a host: fills `error`, returns `code`.
  static std::int32_t refuse(fcvm_error* error, std::int32_t code, const char* message);
  std::int32_t silent_stream(std::int32_t* fd);
  std::int32_t start_sleeper(std::uint64_t* handle);
  void end_sleeper(std::uint64_t handle);
  struct Sleeper {
    int pid;
    Fd pidfd;
  };
  [[nodiscard]] const Sleeper* sleeper(std::uint64_t handle) const;

 private:
  Manner manner_;
  fcvm_host host_{};
  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
  std::vector<Fd> far_ends_;
  std::map<std::uint64_t, Sleeper> sleepers_;
  std::uint64_t next_handle_ = 1;
};

}  // namespace fcvm::check
