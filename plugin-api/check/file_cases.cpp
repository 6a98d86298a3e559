// file, export, load, entry: the shared object itself.
#include <algorithm>
#include <sys/stat.h>

#include "plugin-api/check/elf.hpp"
#include "plugin-api/check/loaded.hpp"

namespace fcvm::check {
namespace {

Result<void> check_file(const Target& target) {
  struct stat info {};
  if (::stat(target.path.c_str(), &info) != 0) return fail_errno("reading " + target.path);
  if (!S_ISREG(info.st_mode)) return broken("it is not a regular file", "name the .so itself");
  FCVM_TRY(ElfFile::open(target.path));
  if ((info.st_mode & S_IWOTH) != 0) {
    return broken("everybody may write to it, so fcvm refuses to load it",
                  "chmod o-w " + target.path);
  }
  return {};
}

Result<void> check_export(const Target& target) {
  const auto file = FCVM_TRY(ElfFile::open(target.path));
  auto names = file.exported();
  const auto entry = std::find(names.begin(), names.end(), FCVM_ENTRY_SYMBOL);
  if (entry == names.end()) {
    return broken("it does not export " FCVM_ENTRY_SYMBOL,
                  "end the plugin's source with FCVM_EXPORT_PLUGIN(YourClass)");
  }
  names.erase(entry);
  if (names.empty()) return {};
  return broken("it exports " + std::to_string(names.size()) + " more than the entry symbol, " +
                    names.front() + " for one: two plugins would share what has the same name",
                "build it with fcvm_add_plugin(), or link it with its version script");
}

Result<void> check_load(const Target& target) {
  [[maybe_unused]] void* const object = FCVM_TRY(load_object(target.path));
  return {};
}

Result<void> check_entry(const Target& target) {
  void* const object = FCVM_TRY(load_object(target.path));
  const fcvm_plugin* const table = FCVM_TRY(entry_table(object));
  if (FCVM_TRY(entry_table(object)) != table) {
    return broken("the entry returned another table at its second call",
                  "return the address of one static table");
  }
  if (table->size < sizeof(fcvm_plugin)) {
    return broken("the table's size is " + std::to_string(table->size) + " and version 1 needs " +
                      std::to_string(sizeof(fcvm_plugin)),
                  "set size to sizeof(fcvm_plugin)");
  }
  if (table->describe == nullptr || table->probe == nullptr || table->create == nullptr ||
      table->destroy == nullptr || table->cancel == nullptr || table->verbs == nullptr) {
    return broken("the table has a NULL function", "fill in all six; none is optional");
  }
  return {};
}

}  // namespace

void add_file_cases(std::vector<Case>& cases) {
  cases.push_back({"file",
                   "Loading",
                   "a whole shared object for this machine that not everybody may write to",
                   {},
                   check_file});
  cases.push_back({"export",
                   "Loading",
                   "it exports the entry symbol and nothing else",
                   {"file"},
                   check_export});
  cases.push_back({"load", "Loading", "it loads with RTLD_NOW | RTLD_LOCAL", {"file"}, check_load});
  cases.push_back({"entry",
                   "Loading",
                   "the entry gives the same whole table at every call",
                   {"load"},
                   check_entry});
}

}  // namespace fcvm::check
