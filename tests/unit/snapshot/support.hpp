// What the tests of core/snapshot share: a store in a directory of its own, and a manifest.
#pragma once

#include <fcntl.h>
#include <string>

#include "core/base/io/fd.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/snapshot/content_digest.hpp"
#include "core/snapshot/store.hpp"
#include "core/vm/model/run_plan_json.hpp"
#include "core/vm/model/saved_plan.hpp"
#include "tests/support/must.hpp"

namespace fcvm::snapshot {

inline Manifest some_manifest(const std::string& id) {
  Manifest made;
  made.id = id;
  made.tag = "warm";
  made.created_ns = 1'234'567'890'123'456'789;
  made.uid = 7;
  made.labels = {{"a", "b"}, {"odd \xff", ""}};
  made.vm_name = "web";
  made.plan = vm::plan_to_json(vm::saved_plan({}, {}));
  made.recipe = {{"the command", "ab"}, {"the image", "sha256:1"}};
  made.plugins = {{"vmm.qemu", "0.1"}};
  made.vmm_version = "qemu 7.2.22 tcg";
  made.cpu = {"A CPU", "0123"};
  made.files = {{"memory", 1u << 20, "aa"}, {"kernel", 5, ""}};
  return made;
}

struct Scratch {
  base::TempDir directory = must(base::TempDir::create());
  Store store{directory.path() + "/snapshots"};

  /// One with a file of these contents.
  Snapshot make(const std::string& tag, const std::string& contents = "contents") {
    Draft draft = must(store.begin());
    Manifest manifest = some_manifest(draft.id());
    manifest.tag = tag;
    const auto path = (draft.directory() / "memory").string();
    must(base::write_file_atomic(path, contents, 0600));
    const auto file = must(base::open_file(path, O_RDONLY));
    manifest.files = {{"memory", contents.size(), must(content_digest(file.get()))}};
    return must(store.keep(std::move(draft), manifest)).snapshot;
  }
};

}  // namespace fcvm::snapshot
