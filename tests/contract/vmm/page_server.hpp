// PageServer: owns a socket in a VM's directory, and a thread that gives the VM which comes there
// its pages from a snapshot's memory file, by Firecracker's protocol.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

namespace fcvm::test {

class PageServer {
 public:
  static fcvm::Result<std::unique_ptr<PageServer>> open(int directory, const std::string& name,
                                                        const std::string& memory);
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;
  ~PageServer();

  [[nodiscard]] std::uint64_t pages() const { return pages_; }

 private:
  PageServer() = default;
  void run();
  void serve(int faults, std::uint64_t base);
  bool give(int faults, std::uint64_t base, std::uint64_t address);

  fcvm::Fd listener_;
  fcvm::Fd stop_;
  fcvm::Fd memory_;
  std::atomic<std::uint64_t> pages_{0};
  std::thread thread_;
};

}  // namespace fcvm::test
