// See destination.hpp.
#include "core/copy/destination.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

#include "core/copy/pack.hpp"

namespace fcvm::copy {
namespace {

std::string without_end(std::string path) {
  for (;;) {
    if (path.size() > 1 && path.ends_with('/')) {
      path.pop_back();
    } else if (path.ends_with("/.")) {
      path.resize(path.size() - 1);
    } else {
      return path;
    }
  }
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<base::Fd> open_directory(const std::string& path) {
  return base::open_file(path, O_RDONLY | O_DIRECTORY);
}

// The file itself, where a link leads to it.
Result<Destination> replace(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (!real) return fail_errno("finding " + path);
  const std::string resolved = real.get();
  return Destination{FCVM_TRY(open_directory(parent_of(resolved))), last_part(resolved)};
}

Result<Destination> create(const std::string& path, SourceKind kind) {
  const bool wants_directory = path.ends_with('/') || means_contents(path);
  if (kind == SourceKind::kFile && wants_directory) {
    return fail(ENOENT, "the destination directory " + path + " does not exist", "make it first");
  }
  const std::string plain = without_end(path);
  const std::string parent = parent_of(plain);
  auto directory = open_directory(parent);
  if (!directory && directory.error().code() == ENOENT) {
    return fail(ENOENT, "the destination's directory " + parent + " does not exist",
                "make it first");
  }
  return Destination{FCVM_TRY(std::move(directory)), last_part(plain)};
}

}  // namespace

std::string last_part(const std::string& path) {
  const std::string plain = without_end(path);
  std::string last = plain.substr(plain.rfind('/') + 1);
  return last == "." || last == ".." ? std::string() : last;
}

Result<Destination> find_destination(const std::string& path, SourceKind kind,
                                     const std::string& name, bool overwrite) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return create(path, kind);
    return fail_errno("looking at the destination " + path);
  }
  if (S_ISDIR(status.st_mode)) {
    const bool into = kind != SourceKind::kContents;
    return Destination{FCVM_TRY(open_directory(path)), into ? name : std::string()};
  }
  if (kind != SourceKind::kFile && !overwrite) {
    return fail(ENOTDIR, "the destination " + path + " is not a directory, and the source is one",
                "replace it with --overwrite");
  }
  return replace(path);
}

}  // namespace fcvm::copy
