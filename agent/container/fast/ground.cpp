// See ground.hpp.
#include "agent/container/fast/ground.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/boot/kernel_files.hpp"
#include "agent/container/container_files.hpp"
#include "agent/container/podman.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent::fast {
namespace {

constexpr char kRunData[] = "/run/containers/storage";
constexpr char kRunning[] = "/run/libpod";
constexpr char kLocks[] = "/dev/shm/libpod_lock";
/// Of the kernel, for all options of a mount.
constexpr std::size_t kMostOptions = 4000;

std::string layer_of(const Template& made) {
  return std::string(kStorage) + "/overlay/" + made.layer;
}

Result<void> copy_file(const std::string& from, const std::string& to, mode_t mode) {
  const std::string bytes = FCVM_TRY(base::read_file(from));
  const auto file = FCVM_TRY(base::open_file(to, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  FCVM_TRY(base::write_all(file.get(), bytes) | context("writing " + to));
  return ::fchmod(file.get(), mode) == 0 ? Result<void>{} : fail_errno("writing " + to);
}

Result<void> copy_link(const std::string& from, const std::string& to) {
  std::string target(4096, '\0');
  const ssize_t length = ::readlink(from.c_str(), target.data(), target.size() - 1);
  if (length < 0) return fail_errno("reading " + from);
  target.resize(static_cast<std::size_t>(length));
  return ::symlink(target.c_str(), to.c_str()) == 0 ? Result<void>{} : fail_errno("making " + to);
}

Result<void> copy_tree(const Template& made, const std::string& from, const std::string& to);

Result<void> copy_entry(const Template& made, const std::string& from, const std::string& to) {
  struct stat status {};
  if (::lstat(from.c_str(), &status) != 0) return fail_errno("looking at " + from);
  const mode_t mode = status.st_mode & 07777;
  if (S_ISLNK(status.st_mode)) return copy_link(from, to);
  if (S_ISREG(status.st_mode)) {
    FCVM_TRY(copy_file(from, to, mode));
  } else if (S_ISDIR(status.st_mode)) {
    // One that is there is the guest's, and stays as it is.
    const bool made_now = ::mkdir(to.c_str(), 0700) == 0;
    if (!made_now && errno != EEXIST) return fail_errno("making " + to);
    FCVM_TRY(copy_tree(made, from, to));
    if (!made_now) return {};
    if (::chown(to.c_str(), status.st_uid, status.st_gid) != 0 || ::chmod(to.c_str(), mode) != 0) {
      return fail_errno("making " + to);
    }
  }
  return {};
}

Result<void> copy_tree(const Template& made, const std::string& from, const std::string& to) {
  DIR* entries = ::opendir(from.c_str());
  if (entries == nullptr) return fail_errno("reading " + from);
  Result<void> done;
  while (const dirent* entry = ::readdir(entries)) {
    const std::string name = entry->d_name;
    // The database is written once it is true.
    if (name == "." || name == ".." || name == "db.sql") continue;
    const std::string as = with_words(name, made.recorded_id, made.id);
    done = copy_entry(made, from + "/" + name, to + "/" + as);
    if (!done) break;
  }
  ::closedir(entries);
  return done;
}

// "l/ONE:l/TWO", below the store.
std::string lower_layers(const std::string& list) {
  std::string layers;
  for (std::size_t at = 0; at < list.size();) {
    const auto end = std::min(list.find(':', at), list.size());
    layers += (layers.empty() ? "" : ":") + store_path(0) + "/overlay/" + list.substr(at, end - at);
    at = end + 1;
  }
  return layers;
}

Result<void> mount_root(const Template& made) {
  const std::string layer = layer_of(made);
  const std::string lower = FCVM_TRY(base::read_file(layer + "/lower"));
  const std::string options =
      "lowerdir=" + lower_layers(lower) + ",upperdir=" + layer + "/diff,workdir=" + layer + "/work";
  if (options.size() > kMostOptions) return fail(ENOTSUP, "the image has too many layers");
  return mount_one({"overlay", root_of(made), "overlay", MS_NODEV, options});
}

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  for (std::size_t at = line.find_first_not_of(" \t"); at != std::string::npos;) {
    const auto end = std::min(line.find_first_of(" \t", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(" \t", end);
  }
  return words;
}

template <typename Use>
void each_line(const std::string& file, Use use) {
  for (std::size_t at = 0; at < file.size();) {
    const auto end = std::min(file.find('\n', at), file.size());
    const std::string line = file.substr(at, end - at);
    use(words_of(line.substr(0, line.find('#'))));
    at = end + 1;
  }
}

std::string joined(const std::vector<std::string>& words, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < words.size(); ++i) text += (i > from ? " " : "") + words[i];
  return text;
}

}  // namespace

std::string root_of(const Template& made) { return layer_of(made) + "/merged"; }
std::string user_data(const Template& made) {
  return std::string(kStorage) + "/overlay-containers/" + made.id + "/userdata";
}
std::string run_data(const Template& made) {
  return std::string(kRunData) + "/overlay-containers/" + made.id + "/userdata";
}

Result<void> check_untouched() {
  for (const char* path : {kRunning, kLocks, kStorage}) {
    if (::access(path, F_OK) == 0) return fail(EEXIST, "podman has run in this guest");
  }
  return {};
}

Result<void> lay_ground(const Template& made) {
  FCVM_TRY(copy_tree(made, made.directory + "/files", ""));
  // As podman has it: else it would mount this over the container's root.
  const std::string overlay = std::string(kStorage) + "/overlay";
  FCVM_TRY(mount_one({overlay, overlay, "", MS_BIND, ""}));
  FCVM_TRY(mount_one({"none", overlay, "", MS_PRIVATE, ""}));
  FCVM_TRY(mount_root(made));
  const auto size = made.config.find("shmSize");
  if (size == made.config.end() || !size->is_number_unsigned()) {
    return fail(EBADMSG, "the container has no size of its /dev/shm");
  }
  FCVM_TRY(mount_one({"shm", user_data(made) + "/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                      "mode=1777,size=" + std::to_string(size->get<std::uint64_t>())}));
  return base::make_directories(std::string(kRunning) + "/persist/" + made.id, 0750);
}

Result<void> dress_root(const std::string& root) {
  const auto top = FCVM_TRY(open_below(root, ".", O_PATH | O_DIRECTORY));
  if (::mkdirat(top.get(), "etc", 0755) != 0 && errno != EEXIST) return fail_errno("making /etc");
  const auto etc = FCVM_TRY(open_below(root, "etc", O_RDONLY | O_DIRECTORY));
  if (::symlinkat("/proc/mounts", etc.get(), "mtab") != 0 && errno != EEXIST) {
    return fail_errno("making /etc/mtab");
  }
  return {};
}

Result<void> append_below(const std::string& root, const std::string& path,
                          const std::string& text) {
  if (text.empty()) return {};
  const auto file =
      FCVM_TRY(open_below(root, path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0600));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail(EINVAL, "/" + path + " is not a regular file");
  }
  return base::write_all(file.get(), text);
}

Result<void> write_run_files(const Template& made) {
  const std::string directory = run_data(made);
  const auto hostname = made.oci.value("hostname", "");
  FCVM_TRY(write_file(directory + "/hostname", hostname + "\n"));
  FCVM_TRY(write_file(directory + "/hosts", hosts_of(base::read_file("/etc/hosts").value_or(""))));
  FCVM_TRY(write_file(directory + "/resolv.conf",
                      resolv_conf_of(base::read_file("/etc/resolv.conf").value_or(""))));
  FCVM_TRY(write_file(directory + "/.containerenv", ""));
  // By this podman knows that the machine has not been started anew since.
  const auto boot = FCVM_TRY(base::read_file("/proc/sys/kernel/random/boot_id"));
  FCVM_TRY(write_file(std::string(kRunning) + "/alive", boot));
  return write_file(user_data(made) + "/config.json", made.oci.dump());
}

Result<void> write_storage_lists(const Template& made) {
  const std::string storage = kStorage;
  const Json mounted = {{{"id", made.layer}, {"path", root_of(made)}, {"count", 1}}};
  FCVM_TRY(write_file(storage + "/overlay-containers/containers.json", made.containers.dump()));
  FCVM_TRY(write_file(storage + "/overlay-layers/layers.json", made.layers.dump()));
  return write_file(std::string(kRunData) + "/overlay-layers/mountpoints.json", mounted.dump());
}

void take_ground_back(const Template& made) {
  for (const auto& mount :
       {user_data(made) + "/shm", root_of(made), std::string(kStorage) + "/overlay"}) {
    ::umount2(mount.c_str(), MNT_DETACH);
  }
  for (const char* tree : {kStorage, "/run/containers", kRunning, kLocks}) {
    static_cast<void>(base::remove_tree(tree));
  }
}

std::string hosts_of(const std::string& guests) {
  std::string text;
  std::set<std::string> names;
  each_line(guests, [&](const std::vector<std::string>& words) {
    if (words.size() < 2) return;
    text += words[0] + "\t" + joined(words, 1) + "\n";
    names.insert(words.begin() + 1, words.end());
  });
  if (!names.contains("localhost")) text += "127.0.0.1\tlocalhost\n::1\tlocalhost\n";
  return text;
}

std::string resolv_conf_of(const std::string& guests) {
  std::string search;
  std::string servers;
  std::string options;
  each_line(guests, [&](const std::vector<std::string>& words) {
    if (words.size() < 2) return;
    if (words[0] == "nameserver") servers += "nameserver " + words[1] + "\n";
    if (words[0] == "search") search = joined(words, 1);
    if (words[0] == "options") options = joined(words, 1);
  });
  return (search.empty() || search == "." ? "" : "search " + search + "\n") + servers +
         (options.empty() ? "" : "options " + options + "\n");
}

}  // namespace fcvm::agent::fast
