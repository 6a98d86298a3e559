// pages: what a clone's VMM finds in its memory, of a plugin of kind memory/1. A process stands in
// for the VMM.
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <fcvm/memory.h>
#include <fcvm/sdk/call.hpp>

#include "plugin-api/check/fake_host.hpp"
#include "plugin-api/check/loaded.hpp"
#include "plugin-api/check/memory_guest.hpp"
#include "plugin-api/check/patience.hpp"

namespace fcvm::check {
namespace {

constexpr std::uint64_t kPage = MemoryGuest::kPage;
constexpr std::uint64_t kPages = 16;
constexpr std::uint64_t kMemory = kPages * kPage;
constexpr int kServedMs = 2000;
constexpr int kNotServedMs = 300;

std::int64_t soon() { return monotonic_now() + 2000 * kMillisecond; }

/// A letter for each page: '.' is a hole, '0' zeros that are data.
Result<void> write_layer(const char* path, const std::string& pages) {
  const Fd file(::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(pages.size() * kPage)) != 0) {
    return fail_errno("making a memory file");
  }
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (pages[i] == '.') continue;
    const std::string page(kPage, pages[i] == '0' ? '\0' : pages[i]);
    if (::pwrite(file.get(), page.data(), kPage, static_cast<off_t>(i * kPage)) < 0) {
      return fail_errno("writing a memory file");
    }
  }
  return {};
}

std::string shown(std::optional<char> byte) {
  if (!byte) return "nothing in time";
  if (*byte == '\0') return "zeros";
  return *byte == '?' ? "bytes that differ" : std::string("'") + *byte + "'";
}

/// An instance that is asked to open the snapshot in the case's directory.
class Snapshot {
 public:
  Snapshot(const Loaded& plugin, void* instance)
      : verbs_(sized_copy(
            static_cast<const fcvm_memory_v1*>(plugin.table->verbs(plugin.descriptor.kind)))),
        instance_(instance),
        directory_(::open("snapshot", O_DIRECTORY | O_RDONLY | O_CLOEXEC)) {}
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  std::int32_t open(const std::vector<const char*>& names) {
    std::vector<fcvm_memory_layer> layers;
    for (const char* name : names) {
      layers.push_back(sized<fcvm_memory_layer>());
      layers.back().directory_fd = directory_.get();
      layers.back().path = name;
    }
    std::vector<const fcvm_memory_layer*> pointers;
    for (const auto& layer : layers) pointers.push_back(&layer);
    auto request = sized<fcvm_memory_request>();
    request.layers = pointers.data();
    request.layer_count = static_cast<std::uint32_t>(pointers.size());
    request.memory_bytes = kMemory;
    request.page_bytes = kPage;
    return verbs_.open(instance_, &request, soon(), &error_);
  }
  std::int32_t attach(const char* id, int home) {
    auto clone = sized<fcvm_memory_clone>();
    clone.clone_id = id;
    clone.directory_fd = home;
    offer_ = sized<fcvm_memory_offer>();
    return verbs_.attach_clone(instance_, &clone, soon(), &offer_, &error_);
  }
  Result<MemoryGuest> start(const char* id, int home) {
    if (const auto code = attach(id, home); code != 0) {
      return broken("attach_clone: it failed with " + told(code, error_), "make the clone's offer");
    }
    auto guest = MemoryGuest::start(home, offer_, kMemory);
    if (!guest) return broken("attach_clone: " + guest.error().message(), "offer what is there");
    const auto code = verbs_.clone_started(instance_, id, guest->pidfd(), &error_);
    if (code == 0) return std::move(*guest);
    return broken("clone_started: it failed with " + told(code, error_), "take the VMM's pidfd");
  }
  std::int32_t detach(const char* id) {
    return verbs_.detach_clone(instance_, id, soon(), &error_);
  }
  std::int32_t close() { return verbs_.close(instance_, soon(), &error_); }
  [[nodiscard]] bool serves() const { return offer_.type == FCVM_MEMORY_FROM_UFFD; }
  [[nodiscard]] std::string said(std::int32_t code) const { return told(code, error_); }

 private:
  fcvm_memory_v1 verbs_;
  void* instance_;
  Fd directory_;
  fcvm_memory_offer offer_ = sized<fcvm_memory_offer>();
  fcvm_error error_ = dirty_error();
};

Result<void> finds(MemoryGuest& guest, const std::string& expected) {
  for (std::uint64_t i = 0; i < kPages; ++i) {
    const char wanted = expected[i] == '.' ? '\0' : expected[i];
    const auto found = guest.page(i, kServedMs);
    if (found == wanted) continue;
    return broken("page " + std::to_string(i) + ": the VMM found " + shown(found) + " and not " +
                      shown(wanted),
                  "give it what the uppermost layer with data has there, zeros where none has any");
  }
  return {};
}

/// A clone that is not to be touched by what becomes of the other, and then by the loss of a page.
Result<void> judge_clones(Snapshot& snapshot, const std::string& top, const std::string& expected) {
  for (const char* name : {"one", "two"}) ::mkdir(name, 0700);
  const Fd home(::open("one", O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  const Fd other_home(::open("two", O_DIRECTORY | O_RDONLY | O_CLOEXEC));
  MemoryGuest one = FCVM_TRY(snapshot.start("one", home.get()));
  if (snapshot.attach("one", other_home.get()) != -EEXIST) {
    return broken("attach_clone: it did not fail with -EEXIST for an id that is attached",
                  "refuse it, and leave the other clone as it is");
  }
  if (snapshot.detach("none") != -ENOENT) {
    return broken("detach_clone: it did not fail with -ENOENT for a clone that was never attached",
                  "look the clone up first");
  }
  MemoryGuest two = FCVM_TRY(snapshot.start("two", other_home.get()));
  FCVM_TRY(finds(one, expected));
  if (snapshot.serves()) {
    one.give_back(0);
    if (const auto found = one.page(0, kServedMs); found != '\0') {
      return broken("a page that the VMM gave back: it found " + shown(found),
                    "read UFFD_EVENT_REMOVE, and give zeros from then on");
    }
  }
  one.end();
  if (snapshot.detach("one") != 0) {
    return broken("detach_clone: it failed for a clone whose VMM has ended", "let it go");
  }
  if (::truncate(("snapshot/" + top).c_str(), 4 * kPage) != 0) return fail_errno("cutting a layer");
  const auto found = two.page(kPages - 1, kNotServedMs);
  if (!found || *found == expected[kPages - 1]) return {};
  return broken("a page of a layer that was cut: the VMM found " + shown(found),
                "leave the fault unanswered, and end the VMM by its pidfd");
}

Result<void> judge(const Loaded& plugin, const std::vector<const char*>& names,
                   const std::string& expected) {
  FakeHost host(Manner::kRefuse);
  const auto instance = FCVM_TRY(create(plugin, host.host(), 0, Blame::kGuesses));
  Snapshot snapshot(plugin, instance.get());
  if (snapshot.open({"cut"}) == 0) {
    return broken("open: it took a layer that is shorter than the memory",
                  "compare its length: what is missing would be zeros");
  }
  if (const auto code = snapshot.open(names); code != 0) {
    return skip("open failed on a plain snapshot: " + snapshot.said(code));
  }
  auto judged = judge_clones(snapshot, names.back(), expected);
  if (const auto code = snapshot.close(); judged && code != 0) {
    return broken("close: it failed with " + snapshot.said(code), "end what is left");
  }
  return judged;
}

Result<void> check_pages(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  // Of another kind there is nothing to judge.
  if (std::string_view(plugin.descriptor.kind) != FCVM_KIND_MEMORY) return {};
  if ((plugin.descriptor.capabilities & FCVM_MEMORY_IS_SERVER) != 0 && !userfaultfd_opens()) {
    return skip("this user may not use userfaultfd, through which a VMM is given pages",
                "run it as root");
  }
  ::mkdir("snapshot", 0700);
  FCVM_TRY(write_layer("snapshot/cut", "aaaa"));
  FCVM_TRY(write_layer("snapshot/base", "abcdefgh....mnop"));
  FCVM_TRY(judge(plugin, {"base"}, "abcdefgh....mnop"));
  if ((plugin.descriptor.capabilities & FCVM_MEMORY_CAN_LAYERS) == 0) return {};
  FCVM_TRY(write_layer("snapshot/base", "abcdefgh....mnop"));
  FCVM_TRY(write_layer("snapshot/diff", "..XX.0..Z......Z"));
  return judge(plugin, {"base", "diff"}, "abXXe.ghZ...mnoZ");
}

}  // namespace

void add_memory_cases(std::vector<Case>& cases) {
  cases.push_back({"pages",
                   "memory/1",
                   "a clone's VMM finds the snapshot's memory, and zeros only where it has zeros",
                   {"verbs"},
                   check_pages});
}

}  // namespace fcvm::check
