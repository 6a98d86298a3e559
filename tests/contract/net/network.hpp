// A net plugin as the core sees it: loaded as a shared object, driven through its C tables, with
// the core's own process/1 and a state/1 that the test can look at. And a fake guest on its tap.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcvm/net.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/sized.hpp>

#include "core/base/process/child.hpp"
#include "core/base/process/namespaces.hpp"
#include "core/plugin/host_table.hpp"
#include "core/plugin/process_keeper.hpp"

namespace fcvm::test {

inline std::int64_t in_ms(std::int64_t ms) { return monotonic_now() + ms * 1'000'000; }
constexpr std::int64_t kLongMs = 60'000;

/// state/1 in memory: it outlives a Network, as a VM's record outlives its supervisor.
class MemoryState : public plugin::StateService {
 public:
  std::vector<std::pair<std::string, std::string>> entries;

  Result<void> put(std::string_view plugin, const std::string& key,
                   const std::string& value) override;
  Result<void> forget(std::string_view plugin, const std::string& key) override;
  std::vector<std::pair<std::string, std::string>> list(std::string_view plugin) override;
  Result<base::Fd> directory() override;
};

/// The same in a file, for an owner who is to be killed.
class FileState : public MemoryState {
 public:
  explicit FileState(std::string path) : path_(std::move(path)) {}
  Result<void> put(std::string_view plugin, const std::string& key,
                   const std::string& value) override;

 private:
  std::string path_;
};
/// What it recorded there last, if anything.
MemoryState read_state(const std::string& path);

/// Which plugin, and what can be expected of it.
struct Backend {
  std::string name;
  std::string object;
  bool needs_root = false;
  bool has_ipv6 = true;
  bool reaches_outside_v4 = true;
  /// What the host has on 127.0.0.1 is found at attachment.host_gateway.
  bool reaches_host_loopback = false;
  std::map<std::string, std::string> texts;  // settings
};

/// fcvm_net_request with what it points to.
struct Request {
  std::string vm_id = "contract";
  std::uint32_t flags = FCVM_NET_WANT_IPV6;
  std::string mac;
  std::string ipv4;
  std::string ipv6;
  std::uint32_t mtu = 0;
  std::vector<std::string> dns;
  std::vector<fcvm_publish> publish;
  std::vector<fcvm_net_opening> openings;
  std::uint64_t rate_in = 0;
  std::uint64_t rate_out = 0;
  std::string ipv6_prefix;
};

/// One instance of the plugin; `attachment` is what the last attach gave.
class Network {
 public:
  explicit Network(const Backend& backend, MemoryState* state = nullptr);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  /// The plugin's answer; the namespaces are kept until detach() or the next that succeeds.
  int attach(const Request& request, std::int64_t deadline_ms = kLongMs);
  int detach(std::int64_t deadline_ms = kLongMs);
  int recover();
  /// From any thread; leaves message() as it is.
  int dial(std::uint32_t protocol, std::uint16_t port, base::Fd& fd,
           std::int64_t deadline_ms = kLongMs);
  int publish(const fcvm_publish& wanted);
  int unpublish(const fcvm_publish& unwanted);
  /// `fd` is to be polled.
  int health(int& fd);
  void cancel() { plugin_->cancel(instance_); }
  fcvm_probe probe();

  [[nodiscard]] const fcvm_net_attachment& attachment() const { return attachment_; }
  /// Of the attachment, or -1.
  [[nodiscard]] int net_namespace() const;
  [[nodiscard]] int user_namespace() const;
  /// What the attachment reported: resolvers, and ports as they were taken. publish() adds to them.
  [[nodiscard]] const std::vector<std::string>& dns() const { return dns_; }
  [[nodiscard]] const std::vector<Published>& published() const { return published_; }
  /// The user namespace first, where there is one; for spawn().
  [[nodiscard]] std::vector<base::NamespaceFd> namespaces() const;
  [[nodiscard]] std::string message() const { return std::string(text_of(error_.message)); }
  [[nodiscard]] std::string remedy() const { return std::string(text_of(error_.remedy)); }

 private:
  void take_settings();
  void close_namespaces();
  fcvm_net_report report();

  MemoryState own_state_;
  plugin::HostTable host_;
  std::map<std::string, std::string> texts_;
  std::vector<fcvm_setting> setting_rows_;
  std::vector<const fcvm_setting*> setting_pointers_;
  fcvm_settings settings_{};
  const fcvm_plugin* plugin_ = nullptr;
  fcvm_net_v1 verbs_{};
  void* instance_ = nullptr;
  fcvm_net_attachment attachment_{};
  std::vector<std::string> dns_;
  std::vector<Published> published_;
  fcvm_error error_{};
};

/// A kernel of its own behind the tap, with what the attachment says. It echoes on TCP and UDP
/// port 7.
class FakeGuest {
 public:
  explicit FakeGuest(const Network& network);

  /// Unplugs it, and plugs it into another network, while it goes on as it is.
  void move_to(const Network& network);
  /// Runs a program inside, to its end: what it wrote, both outputs, and its exit code.
  struct Output {
    std::string text;
    int code;
  };
  Output run(const std::vector<std::string>& words);
  /// bash, which can speak TCP and UDP by itself.
  Output shell(const std::string& script) { return run({"bash", "-c", script}); }
  /// What a client inside hears at that address.
  std::string ask_stream(const std::string& address, std::uint16_t port);
  /// The same by UDP: asks again a few times.
  std::string ask_datagram(const std::string& address, std::uint16_t port);

 private:
  base::Fd socket_;
  std::unique_ptr<base::Child> child_;
};

/// A request for one port of the host that leads to the guest's echo.
constexpr std::uint16_t kEcho = 7;
fcvm_publish port(std::uint16_t host, std::uint32_t protocol, const char* address = nullptr);
/// What the echo says through a published port; "" when nobody listens there.
std::string through(const std::string& address, std::uint16_t number, std::uint32_t protocol);

/// Sends `said` and returns what comes back, up to `size` bytes.
std::string exchange(const base::Fd& stream, const std::string& said, std::size_t size);

}  // namespace fcvm::test
