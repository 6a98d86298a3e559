// fcvm port: the published ports of a VM; `port add` and `port rm` change them while it runs.
#include "core/vm/model/port.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/cli/each_vm.hpp"
#include "core/cli/end_vm.hpp"
#include "core/cli/invocation.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/text/vm_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/vm/control/control_protocol.hpp"

namespace fcvm::cli {
namespace {

constexpr std::chrono::seconds kLimit{60};

/// Of a guest, as `fcvm port NAME 80/tcp` names it; without a protocol it is TCP, as in podman.
struct GuestPort {
  std::uint16_t number = 0;
  vm::Protocol protocol = vm::Protocol::kTcp;
};

Result<GuestPort> parse_guest_port(std::string_view text) {
  GuestPort port;
  const auto slash = text.find('/');
  const auto protocol = slash == std::string_view::npos
                            ? vm::Protocol::kTcp
                            : vm::parse_protocol(text.substr(slash + 1));
  const auto digits = text.substr(0, slash);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port.number);
  const bool number = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
  if (!number || port.number == 0 || !protocol) {
    return fail(EINVAL, fmt::format("\"{}\" is not a port of a VM", text),
                "write 80, 80/tcp or 53/udp");
  }
  port.protocol = *protocol;
  return port;
}

/// A range as single ports.
std::vector<vm::PublishedPort> single_ports(const std::vector<vm::PublishedPort>& ports) {
  std::vector<vm::PublishedPort> single;
  for (const auto& range : ports) {
    for (std::uint16_t i = 0; i < range.count; ++i) {
      vm::PublishedPort one = range;
      one.host_port = static_cast<std::uint16_t>(range.host_port + i);
      one.guest_port = static_cast<std::uint16_t>(range.guest_port + i);
      one.count = 1;
      single.push_back(std::move(one));
    }
  }
  return single;
}

/// Those that are reached at `own`, too, by the same port.
void drop_twins(std::vector<vm::PublishedPort>& ports, const std::string& own) {
  const auto all = ports;
  std::erase_if(ports, [&](vm::PublishedPort port) {
    return std::exchange(port.address, own) != own &&
           std::find(all.begin(), all.end(), port) != all.end();
  });
}

nlohmann::ordered_json ports_json(const std::vector<vm::PublishedPort>& ports) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const auto& port : ports) {
    list.push_back({{"host_ip", port.address},
                    {"host_port", port.host_port},
                    {"container_port", port.guest_port},
                    {"protocol", vm::to_text(port.protocol)}});
  }
  return list;
}

void print_json(const nlohmann::ordered_json& json) { fmt::print("{}\n", json_text(json)); }

void print(const vm::PublishedPort& port, bool guest_too) {
  const auto where = printable(vm::endpoint_text(port.address, port.host_port, 1));
  if (guest_too) {
    fmt::print("{}/{} -> {}\n", port.guest_port, vm::to_text(port.protocol), where);
  } else {
    fmt::print("{}\n", where);
  }
}

/// podman's form: the id before each line.
Result<int> list_all(Invocation& invocation) {
  if (!invocation.positionals().empty()) return fail(EINVAL, "give a name or --all, not both");
  using Json = nlohmann::ordered_json;
  Json whole = Json::object();
  for (const auto& record : FCVM_TRY(invocation.records())) {
    const auto ports = is_alive(record) ? single_ports(record.ports) : decltype(record.ports)();
    whole[record.id] = ports_json(ports);
    if (invocation.flag("json")) continue;
    for (const auto& port : ports) {
      fmt::print("{}\t", record.id);
      print(port, true);
    }
  }
  if (invocation.flag("json")) print_json(whole);
  return 0;
}

Result<int> run_list(Invocation& invocation) {
  if (invocation.flag("all")) return list_all(invocation);
  if (invocation.positionals().empty()) {
    return fail(EINVAL, "give the name of a VM, or --all", "fcvm ls lists the VMs");
  }
  const auto records = FCVM_TRY(invocation.records());
  const auto& words = invocation.positionals();
  const vm::Record* record = FCVM_TRY(vm::find_record(records, words.front()));
  auto ports = single_ports(record->ports);
  const bool asks_one = words.size() > 1;
  if (asks_one) {
    const GuestPort wanted = FCVM_TRY(parse_guest_port(words[1]));
    std::erase_if(ports, [&](const auto& port) {
      return port.guest_port != wanted.number || port.protocol != wanted.protocol;
    });
    if (ports.empty()) {
      return fail(ENOENT,
                  fmt::format("port {}/{} of VM {} is not published", wanted.number,
                              vm::to_text(wanted.protocol), record->name),
                  fmt::format("fcvm port add {} HOSTPORT:{}/{}", record->name, wanted.number,
                              vm::to_text(wanted.protocol)));
    }
  }
  if (invocation.flag("json")) {
    print_json(ports_json(ports));
    return 0;
  }
  // What leads to one port is for a script: the address that the VM has for itself.
  if (asks_one) drop_twins(ports, record->host_address);
  for (const auto& port : ports) print(port, !asks_one);
  return 0;
}

/// Asks the VM's supervisor; the answer names the ports.
template <typename Request>
Result<std::vector<vm::PublishedPort>> change(Invocation& invocation, const char* what) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto& words = invocation.positionals();
  // Mistakes are reported before the VM is looked for.
  Request request{FCVM_TRY(vm::parse_publish_list({words.begin() + 1, words.end()}))};
  for (const auto& port : request.ports) {
    if (port.address.empty()) continue;
    FCVM_TRY(vm::check_host_address(port.address) | context("publishing " + vm::to_text(port)));
  }
  const auto records = FCVM_TRY(invocation.records());
  const vm::Record* record = FCVM_TRY(vm::find_record(records, words.front()));
  if (!record->is_up()) return not_running(*record, what);
  auto answer =
      FCVM_TRY(vm::ask_supervisor(store->paths(), record->id, request, base::Deadline::in(kLimit)));
  return std::move(answer.ports);
}

Result<int> run_add(Invocation& invocation) {
  const auto ports = FCVM_TRY(change<vm::ask::Publish>(invocation, "given ports"));
  for (const auto& port : single_ports(ports)) print(port, true);
  return 0;
}

Result<int> run_rm(Invocation& invocation) {
  (void)FCVM_TRY(change<vm::ask::Unpublish>(invocation, "deprived of ports"));
  return 0;
}

}  // namespace

Verb port_verb() {
  return {
      .name = "port",
      .aliases = {"podman port"},
      .arguments = "[--json] NAME [PORT[/tcp|/udp]] | --all",
      .summary = "Show the published ports of a VM",
      .details =
          "Prints a line for each port: the one in the VM, and where it is reached on the host.\n"
          "With PORT, prints the host's side of that one alone.\n"
          "\n"
          "A port that was published without an address is reached at the VM's own, which\n"
          "differs from VM to VM: two VMs may publish the same port. The one that comes first\n"
          "is reached at 127.0.0.1, too (see --publish-address). With PORT, the VM's own is\n"
          "printed.\n"
          "\n"
          "Examples:\n"
          "  fcvm port web\n"
          "  curl \"http://$(fcvm port web 80)/\"\n",
      .options = {all_option("show the ports of every VM that runs, each line behind its id"),
                  latest_option(),
                  {.name = "json", .type = config::Type::kBoolean, .help = "print JSON"}},
      .bears_mistakes = true,
      .positionals = {.max = 2, .names = Names::kLiveVms, .named = 1},
      .run = run_list};
}

Verb port_add_verb() {
  return {.name = "port add",
          .arguments = "NAME [HOSTIP:][HOSTPORT:]GUESTPORT[/tcp|/udp]...",
          .summary = "Publish ports of a running VM",
          .details =
              "Takes what `fcvm run --publish` does, and prints where each port is reached. Either "
              "all\n"
              "of them are published, or none.\n"
              "\n"
              "Example:\n"
              "  fcvm port add web 8080:80 127.0.0.1:5353:53/udp\n",
          .bears_mistakes = true,
          .positionals = {.min = 2, .max = kAnyNumber, .names = Names::kLiveVms, .named = 1},
          .run = run_add};
}

Verb port_rm_verb() {
  return {
      .name = "port rm",
      .arguments = "NAME [HOSTIP:]HOSTPORT:GUESTPORT[/tcp|/udp]...",
      .summary = "Take published ports of a running VM back",
      .details =
          "Each is written as HOSTPORT:GUESTPORT, where `fcvm port` shows it; a range as a whole.\n"
          "\n"
          "Example:\n"
          "  fcvm port rm web 8080:80\n",
      .bears_mistakes = true,
      .positionals = {.min = 2, .max = kAnyNumber, .names = Names::kLiveVms, .named = 1},
      .run = run_rm};
}

}  // namespace fcvm::cli
