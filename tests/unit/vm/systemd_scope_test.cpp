// A user's bus on which a systemd of the test answers: what it is asked, and how it may fail.
#include "core/vm/host/systemd_scope.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/unix_socket.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

using test::Contains;

/// One client's bus and the manager behind it, in a thread of its own.
class UserBus {
 public:
  enum class Manager { kDoes, kFailsTheJob, kRefuses, kSaysNothing };

  UserBus(const std::string& path, Manager manager) : manager_(manager) {
    listener_ = must(base::listen_unix(path, 0600));
    ::setenv("DBUS_SESSION_BUS_ADDRESS", ("unix:path=" + path).c_str(), 1);
    thread_ = std::thread([this] { serve(); });
  }
  UserBus(const UserBus&) = delete;
  UserBus& operator=(const UserBus&) = delete;
  ~UserBus() {
    done_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    ::unsetenv("DBUS_SESSION_BUS_ADDRESS");
  }
  /// What the manager was asked for: unit, mode, process, whether it is delegated.
  std::string asked;

 private:
  struct Unref {
    void operator()(sd_bus* bus) const { ::sd_bus_close_unref(bus); }
    void operator()(sd_bus_message* message) const { ::sd_bus_message_unref(message); }
  };

  void serve() {
    const int client = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    sd_bus* made = nullptr;
    sd_id128_t id{};
    ::sd_id128_randomize(&id);
    if (::sd_bus_new(&made) < 0) return;
    const std::unique_ptr<sd_bus, Unref> bus(made);
    ::sd_bus_set_fd(made, client, client);
    ::sd_bus_set_server(made, 1, id);
    ::sd_bus_add_filter(
        made, nullptr,
        [](sd_bus_message* message, void* self, sd_bus_error*) {
          return static_cast<UserBus*>(self)->on_message(message);
        },
        this);
    if (::sd_bus_start(made) < 0) return;
    while (!done_) {
      const int handled = ::sd_bus_process(made, nullptr);
      if (handled < 0) return;
      if (handled == 0) ::sd_bus_wait(made, 10'000);
    }
  }

  int on_message(sd_bus_message* message) {
    const char* said = ::sd_bus_message_get_member(message);
    const std::string member = said == nullptr ? "" : said;
    if (member == "Hello") return ::sd_bus_reply_method_return(message, "s", ":1.1");
    if (member != "StartTransientUnit") return ::sd_bus_reply_method_return(message, "");
    read_question(message);
    if (manager_ == Manager::kSaysNothing) return 1;
    if (manager_ == Manager::kRefuses) {
      return ::sd_bus_reply_method_errorf(message, "org.freedesktop.DBus.Error.AccessDenied",
                                          "not today");
    }
    // Someone else's job ends before ours, and ours before its name is known.
    removed(message, "other.scope", "failed");
    removed(message, "fcvm-0123456789ab.scope",
            manager_ == Manager::kFailsTheJob ? "failed" : "done");
    return ::sd_bus_reply_method_return(message, "o", "/job/7");
  }

  void read_question(sd_bus_message* message) {
    const char *unit = "", *mode = "";
    ::sd_bus_message_read(message, "ss", &unit, &mode);
    asked = std::string(unit) + ' ' + mode;
    ::sd_bus_message_enter_container(message, 'a', "(sv)");
    while (::sd_bus_message_enter_container(message, 'r', "sv") > 0) {
      const char* name = "";
      ::sd_bus_message_read(message, "s", &name);
      const char* contents = nullptr;
      ::sd_bus_message_peek_type(message, nullptr, &contents);
      ::sd_bus_message_enter_container(message, 'v', contents);
      const std::string type = contents;
      int truth = 0;
      const void* ids = nullptr;
      std::size_t size = 0;
      if (type == "b" && ::sd_bus_message_read(message, "b", &truth) > 0) {
        asked += std::string(" ") + name + '=' + std::to_string(truth);
      } else if (type == "au" && ::sd_bus_message_read_array(message, 'u', &ids, &size) > 0) {
        std::uint32_t pid = 0;
        if (size == sizeof pid) std::memcpy(&pid, ids, sizeof pid);
        asked += std::string(" ") + name + '=' + std::to_string(pid);
      } else {
        ::sd_bus_message_skip(message, contents);
      }
      ::sd_bus_message_exit_container(message);
      ::sd_bus_message_exit_container(message);
    }
  }

  static void removed(sd_bus_message* question, const char* unit, const char* result) {
    sd_bus_message* made = nullptr;
    ::sd_bus_message_new_signal(::sd_bus_message_get_bus(question), &made,
                                "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                                "JobRemoved");
    const std::unique_ptr<sd_bus_message, Unref> signal(made);
    ::sd_bus_message_set_sender(made, ":1.0");
    ::sd_bus_message_append(made, "uoss", 7, "/job/7", unit, result);
    ::sd_bus_send(nullptr, made, nullptr);
  }

  const Manager manager_;
  Fd listener_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

TEST_CASE("systemd is asked for a scope of this process, delegated to the user") {
  Scratch scratch;
  std::string asked;
  {
    UserBus bus(scratch.directory.path() + "/bus", UserBus::Manager::kDoes);
    const auto entered = enter_systemd_scope("0123456789ab");
    INFO((entered ? "" : entered.error().message()));
    CHECK(entered);
    asked = bus.asked;
  }
  CHECK(asked == "fcvm-0123456789ab.scope fail PIDs=" + std::to_string(::getpid()) + " Delegate=1");
}

TEST_CASE("a systemd that fails, refuses, hangs or is not there is told of, in time") {
  Scratch scratch;
  const std::string path = scratch.directory.path() + "/bus";
  const auto failure = [&](UserBus::Manager manager) {
    UserBus bus(path, manager);
    const auto entered = enter_systemd_scope("0123456789ab");
    return entered ? "entered" : entered.error().message();
  };
  CHECK_THAT(failure(UserBus::Manager::kFailsTheJob), Contains("the job ended as \"failed\""));
  ::unlink(path.c_str());
  CHECK_THAT(failure(UserBus::Manager::kRefuses), Contains("not today"));
  ::unlink(path.c_str());
  const auto before = std::chrono::steady_clock::now();
  CHECK_THAT(failure(UserBus::Manager::kSaysNothing), Contains("timed out"));
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(20));
  ::unlink(path.c_str());
  ::setenv("DBUS_SESSION_BUS_ADDRESS", ("unix:path=" + path).c_str(), 1);
  const auto nobody = enter_systemd_scope("0123456789ab");
  ::unsetenv("DBUS_SESSION_BUS_ADDRESS");
  CHECK(nobody.error().code() == ENOENT);
}

}  // namespace
}  // namespace fcvm::vm
