// See gunzip.hpp. It is the gzip program that unpacks, as every distribution has one.
#include "plugins/image/common/gunzip.hpp"

#include <csignal>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace fcvm::archive {

namespace {

constexpr std::uint64_t kReserve = std::uint64_t{1} << 30;

}  // namespace

bool is_gzip(int fd) {
  unsigned char magic[2] = {};
  return ::pread(fd, magic, sizeof magic, 0) == sizeof magic && magic[0] == 0x1f &&
         magic[1] == 0x8b;
}

Result<std::uint64_t> room_for_archive(int to) {
  struct statvfs space {};
  if (::fstatvfs(to, &space) != 0) return fail_errno("looking for room to unpack an archive");
  const std::uint64_t free = std::uint64_t{space.f_bavail} * space.f_frsize;
  return free > kReserve ? free - kReserve : free / 2;
}

Result<void> gunzip(const Host& host, int from, int to, std::uint64_t most, const Call& call) {
  const char* arguments[] = {"gzip", "-dc", nullptr};
  ProcessSpec spec;
  spec.name = "gzip";
  spec.program = "gzip";
  spec.arguments = arguments;
  spec.from(from).to(to);
  const auto limit = resource_limit(RLIMIT_FSIZE, most);
  const fcvm_resource_limit* const limits[] = {&limit};
  spec.limits = limits;
  spec.limit_count = 1;
  const Process process = FCVM_TRY(host.spawn(spec) | remedy("apt install gzip"));
  const fcvm_process_status status = FCVM_TRY(process.wait(call));
  if (status.exit_code == 0) return {};
  struct stat unpacked {};
  const bool full =
      ::fstat(to, &unpacked) == 0 && static_cast<std::uint64_t>(unpacked.st_size) >= most;
  if (status.exit_signal == SIGXFSZ || full) {
    return fail(EFBIG, "the archive unpacks to more than " + std::to_string(most >> 20) + " MiB",
                "make room, or unpack it yourself and name the result");
  }
  return fail(EBADMSG, "the archive is damaged: gzip cannot unpack it",
              "make it anew, for example with podman save");
}

}  // namespace fcvm::archive
