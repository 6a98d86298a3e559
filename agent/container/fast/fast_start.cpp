// See fast_start.hpp.
#include "agent/container/fast/fast_start.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "agent/boot/kernel_files.hpp"
#include "agent/container/container_files.hpp"
#include "agent/container/exec_target.hpp"
#include "agent/container/fast/adapt.hpp"
#include "agent/container/fast/ground.hpp"
#include "agent/container/podman.hpp"
#include "core/base/io/file.hpp"

namespace fcvm::agent::fast {
namespace {

constexpr char kConsole[] = "/run/fcvm/container/console";

std::string now_text() { return time_text(std::chrono::system_clock::now()); }

/// Podman would take the name of a user of the guest's.
Result<void> check_unknown_to_guest(const std::string& user) {
  const std::string number = user.substr(0, user.find(':'));
  const auto guests = find_account(number, read_in_root(0, "etc/passwd"), "");
  if (guests && guests->home.empty()) return {};
  return fail(ENOTSUP, "the user " + number + " is one of the guest's and not the image's");
}

std::string workdir_of(const Template& made) {
  return made.config.at("spec").at("process").at("cwd").get<std::string>();
}

/// Whose the process is, by the image's files, to which podman may add an entry.
Result<Account> settle_account(const Template& made) {
  const std::string root = root_of(made);
  const std::string user = user_of(made);
  const std::string passwd = read_below(root, "etc/passwd");
  const std::string group = read_below(root, "etc/group");
  Account account = FCVM_TRY(find_account(user.empty() ? "0" : user, passwd, group));
  if (user.empty()) return account;
  const std::string workdir = workdir_of(made);
  const std::string entry = passwd_entry(user, passwd, group, workdir);
  if (!entry.empty()) {
    FCVM_TRY(check_unknown_to_guest(user));
    account.home = workdir;
  }
  FCVM_TRY(append_below(root, "etc/passwd", entry));
  FCVM_TRY(append_below(root, "etc/group", group_entry(user, group)));
  return account;
}

Result<void> check_workdir(const Template& made) {
  // Podman makes one that the image names and has not, or refuses it.
  const auto found = open_below(root_of(made), workdir_of(made), O_PATH | O_DIRECTORY);
  return found ? Result<void>{} : Unexpected(found.error());
}

Result<void> furnish(Template& made, const wire::BootPlan& plan) {
  FCVM_TRY(lay_ground(made));
  FCVM_TRY(check_workdir(made));
  FCVM_TRY(dress_root(root_of(made)));
  const auto account = FCVM_TRY(settle_account(made));
  FCVM_TRY(adapt_oci(made, account));
  FCVM_TRY(adapt_conmon(made, plan.container, kConsole));
  FCVM_TRY(write_run_files(made));
  return write_storage_lists(made);
}

class FastStart : public PreparedStart {
 public:
  FastStart(Template made, bool tty) : made_(std::move(made)), tty_(tty) {}

  std::vector<std::string> command() const override { return made_.conmon; }
  std::vector<std::string> environment() const override {
    auto environment = guest_environment();
    override_environment(environment, {"XDG_RUNTIME_DIR="});
    return environment;
  }
  std::string exit_directory() const override { return "/run/libpod/exits"; }
  std::string id() const override { return made_.id; }
  std::string console_socket() const override { return tty_ ? kConsole : ""; }

  Result<void> start(pid_t pid, pid_t conmon) override {
    FCVM_TRY(write_file(run_data(made_) + "/conmon.pid", std::to_string(conmon)));
    FCVM_TRY(adapt_state(made_, pid, conmon, now_text()));
    const auto database = FCVM_TRY(guarded([&] { return database_of(made_); }));
    FCVM_TRY(write_file(std::string(kStorage) + "/db.sql", database));
    FCVM_TRY(let_it_run());
    // It is podman's now.
    for (Json* json : {&made_.config, &made_.state, &made_.oci}) *json = Json();
    made_.database = {};
    return {};
  }
  void take_back() override {
    take_ground_back(made_);
    static_cast<void>(base::remove_tree("/run/crun/" + made_.id));
    ::rmdir(("/sys/fs/cgroup/libpod_parent/libpod-" + made_.id).c_str());
  }

 private:
  // All that `crun start` does for a container without hooks; it would take longer to come up.
  Result<void> let_it_run() const {
    const std::string fifo = "/run/crun/" + made_.id + "/exec.fifo";
    const auto waiting = FCVM_TRY(base::open_file(fifo, O_WRONLY | O_NONBLOCK));
    if (::unlink(fifo.c_str()) != 0) return fail_errno("removing " + fifo);
    return base::write_all(waiting.get(), std::string_view("\0", 1));
  }

  Template made_;
  bool tty_;
};

}  // namespace

Result<std::unique_ptr<PreparedStart>> prepare_start(const wire::BootPlan& plan) {
  FCVM_TRY(check_plan(plan));
  FCVM_TRY(check_untouched());
  Template made = FCVM_TRY(guarded([] { return read_template(store_path(0)); }));
  FCVM_TRY(adapt_config(made, plan, now_text()));
  if (const auto done = guarded([&] { return furnish(made, plan); }); !done) {
    take_ground_back(made);
    return Unexpected(done.error());
  }
  return std::unique_ptr<PreparedStart>(
      std::make_unique<FastStart>(std::move(made), plan.container.tty));
}

}  // namespace fcvm::agent::fast
