// See gunzip.hpp. It is the gzip program that unpacks, as every distribution has one.
#include "plugins/image/archive/gunzip.hpp"

namespace fcvm::archive {

bool is_gzip(int fd) {
  unsigned char magic[2] = {};
  return ::pread(fd, magic, sizeof magic, 0) == sizeof magic && magic[0] == 0x1f &&
         magic[1] == 0x8b;
}

Result<void> gunzip(const Host& host, int from, int to, const Call& call) {
  const char* arguments[] = {"gzip", "-dc", nullptr};
  auto spec = process_spec();
  spec.name = "gzip";
  spec.program = "gzip";
  spec.arguments = arguments;
  spec.stdin_fd = from;
  spec.stdout_fd = to;
  const Process process = FCVM_TRY(host.spawn(spec) | remedy("apt install gzip"));
  const fcvm_process_status status = FCVM_TRY(process.wait(call));
  if (status.exit_code == 0) return {};
  return fail(EBADMSG, "the archive is damaged: gzip cannot unpack it",
              "make it anew, for example with podman save");
}

}  // namespace fcvm::archive
