// PageServer: gives clones the memory of a snapshot, on a socket of its own: one process for all
// clones of the snapshot, `fcvm snapshot serve`. A thread for each clone, so that one that is slow
// holds up no other. Owns the socket and the connections; a clone whose connection ends is ended.
#pragma once

#include <atomic>
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fcvm/result.hpp>
#include <fcvm/sdk/fd.hpp>

#include "core/vm/memory/snapshot_memory.hpp"
#include "core/vm/model/paths.hpp"

namespace fcvm::vm {

class PageServer {
 public:
  /// For clones of the snapshot with this id, of which `memory` has been opened.
  static Result<std::unique_ptr<PageServer>> listen(const Paths& paths, SnapshotMemory& memory,
                                                    std::string snapshot);
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;
  /// Ends the clones that are left.
  ~PageServer();

  /// Until `stop` is readable.
  Result<void> run(int stop);

  /// Sockets that killed servers have left: removed, or with `dry_run` only named.
  [[nodiscard]] static std::vector<std::string> collect(const Paths& paths, bool dry_run);

 private:
  /// A connection, and the clone that it is once it is attached.
  struct Peer {
    Fd connection;
    std::string clone{};
    Fd vmm{};  // a pidfd
    base::Deadline record_at = base::Deadline::never();
    std::thread thread{};
    std::atomic<bool> has_left{false};
  };

  PageServer(std::filesystem::path path, Fd listener, SnapshotMemory& memory, std::string snapshot)
      : path_(std::move(path)),
        listener_(std::move(listener)),
        memory_(memory),
        snapshot_(std::move(snapshot)) {}

  void take_peer();
  void forget_left();
  void serve(Peer& peer);
  [[nodiscard]] bool answer_next(Peer& peer);
  [[nodiscard]] std::string answer(Peer& peer, std::string_view line, std::vector<Fd> fds);
  Result<ask::MemoryOffer> attach(Peer& peer, const std::string& clone, const std::vector<Fd>& fds);
  Result<ask::Done> started(Peer& peer, std::vector<Fd> fds);
  void prefetch(const Peer& peer);
  void end(Peer& peer);

  const std::filesystem::path path_;
  Fd listener_;
  SnapshotMemory& memory_;
  const std::string snapshot_;
  std::list<std::unique_ptr<Peer>> peers_;  // of run()'s thread
};

}  // namespace fcvm::vm
