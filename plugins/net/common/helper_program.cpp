// See helper_program.hpp.
#include "plugins/net/common/helper_program.hpp"

#include <dlfcn.h>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace fcvm::net {

namespace {

/// The directory of the shared object, or of the program, that this function is in.
Result<std::string> own_directory() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&own_directory), &info) == 0 ||
      info.dli_fname == nullptr) {
    return fail(ENOENT, "finding the file of this plugin: the dynamic linker does not know it");
  }
  // A program found in PATH is known by its bare name; only an object has a path in any case.
  const std::string_view name = info.dli_fname;
  const bool has_path = name.find('/') != std::string_view::npos;
  std::error_code error;
  const auto file = std::filesystem::canonical(has_path ? name : "/proc/self/exe", error);
  if (error) return fail(error.value(), "finding the file of this plugin: " + error.message());
  return file.parent_path().string();
}

}  // namespace

Result<std::string> helper_program(const std::string& name) {
  const std::string directory = FCVM_TRY(own_directory());
  const std::string installed = directory + "/../../../libexec/fcvm/" + name;
  const std::string beside = directory + "/../libexec/fcvm/" + name;
  for (const std::string& path : {installed, beside}) {
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return fail(ENOENT, "the program " + name + " is missing: there is no " + installed,
              "install fcvm again: its plugins and its libexec/fcvm belong together");
}

}  // namespace fcvm::net
