// See unpack.hpp. It is the packers' own programs that unpack, as every distribution has them.
#include "plugins/image/common/unpack.hpp"

#include <array>
#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace fcvm::archive {

namespace {

constexpr std::uint64_t kReserve = std::uint64_t{1} << 30;
constexpr std::uint64_t kMemory = std::uint64_t{1} << 30;  // of a program that unpacks

}  // namespace

const tar::Compression* compression_of(int fd) {
  std::array<char, 8> begin{};
  const ssize_t count = ::pread(fd, begin.data(), begin.size(), 0);
  if (count < 0) return nullptr;
  return tar::compression_of({begin.data(), static_cast<std::size_t>(count)});
}

Result<std::uint64_t> room_for_archive(int to) {
  struct statvfs space {};
  if (::fstatvfs(to, &space) != 0) return fail_errno("looking for room to unpack an archive");
  const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize;
  return free > kReserve ? free - kReserve : free / 2;
}

Result<void> unpack(const Host& host, const tar::Compression& by, int from, int to,
                    std::uint64_t most, const Call& call) {
  const char* arguments[] = {by.program, "-dc", nullptr};
  ProcessSpec spec;
  spec.name = by.program;
  spec.program = by.program;
  spec.arguments = arguments;
  spec.from(from).to(to);
  const auto file_limit = resource_limit(RLIMIT_FSIZE, most);
  const auto memory_limit = resource_limit(RLIMIT_AS, kMemory);
  const fcvm_resource_limit* const limits[] = {&file_limit, &memory_limit};
  spec.limits = limits;
  spec.limit_count = 2;
  const Process process =
      FCVM_TRY(host.spawn(spec) | remedy(std::string("apt install ") + by.package));
  const fcvm_process_status status = FCVM_TRY(process.wait(call));
  if (status.exit_code == 0) return {};
  struct stat unpacked {};
  const bool full =
      ::fstat(to, &unpacked) == 0 && static_cast<std::uint64_t>(unpacked.st_size) >= most;
  if (status.exit_signal == SIGXFSZ || full) {
    return fail(EFBIG, "the archive unpacks to more than " + std::to_string(most >> 20) + " MiB",
                "make room, or unpack it yourself and name the result");
  }
  return fail(EBADMSG, std::string("the archive is damaged: ") + by.program + " cannot unpack it",
              "make it anew, for example with podman save");
}

}  // namespace fcvm::archive
