// fusepipe: a directory of one machine in the tree of another, over any stream of bytes.
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "fusepipe/tool/command.hpp"

namespace fcvm::fusepipe {

namespace {

constexpr int kFailed = 125;

constexpr std::string_view kHelp = R"(
Serves a directory over any stream, and mounts it at the other end, as the
kernel's own FUSE messages. STREAM is unix:PATH, vsock:[CID:]PORT, fd:N[,N...] for
sockets that are open already, or given:N for a socket over which another process
gives each stream that a byte asks it for.

serve: as root, files belong to whoever makes them at the other end; otherwise
all belong to the user who serves, who is root at the other end.
  --listen STREAM   where to wait for mounts
  --ro              nothing in DIR can be changed
  --cache MODE      auto: what is remembered there is looked at again soon;
                    always: nothing else changes DIR; none: nothing is remembered
  --uidmap RANGE    users GUEST... there are users HOST... here
  --gidmap RANGE    likewise for groups

mount: stays until a signal comes, or the server ends.
  --ro              mount for reading alone
  --queues N        as many requests at once (default 4)
  --dev, --suid     respect device files, and set-user-id bits
  --persistent      stay when the server ends, and wait for the next
)";

int help() {
  std::printf("Usage: %s\n       %s\n%s", std::string(kServeUsage).c_str(),
              std::string(kMountUsage).c_str(), std::string(kHelp).c_str());
  return 0;
}

int fail_with(const Error& error) {
  std::fprintf(stderr, "fusepipe: %s\n", error.message().c_str());
  if (!error.remedy().empty()) std::fprintf(stderr, "  to fix: %s\n", error.remedy().c_str());
  return kFailed;
}

}  // namespace

int main(const Words& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "help") return help();
  if (words[0] == "--version") {
    std::printf("fusepipe %s\n", FCVM_VERSION);
    return 0;
  }
  // Who writes to a stream whose other end has gone is told by the write.
  ::signal(SIGPIPE, SIG_IGN);
  const Words rest(words.begin() + 1, words.end());
  Result<void> ran = fail(EINVAL, "there is no command \"" + words[0] + "\"", "fusepipe --help");
  if (words[0] == "serve") ran = serve(rest);
  if (words[0] == "mount") ran = mount(rest);
  return ran ? 0 : fail_with(ran.error());
}

}  // namespace fcvm::fusepipe

int main(int argc, char** argv) { return fcvm::fusepipe::main({argv + 1, argv + argc}); }
