// See port_holder.hpp. Reads /proc: the table of sockets gives an inode, the descriptors of the
// processes tell whose it is.
#include "plugins/net/common/port_holder.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "core/base/io/file.hpp"
#include "core/base/net/address.hpp"

namespace fcvm::net {

namespace {

constexpr const char* kListening = "0A";  // TCP_LISTEN in the table
constexpr std::size_t kLargestTable = 64 << 20;

std::string hex(std::uint32_t word) {
  char text[9];
  std::snprintf(text, sizeof text, "%08X", word);
  return text;
}

/// An address as the tables write it: its words in hexadecimal, each in the host's byte order.
std::string table_form(const std::string& address) {
  const auto parsed = base::IpAddress::parse(address.substr(0, address.find('%')));
  if (!parsed) return {};
  std::string text;
  for (std::size_t at = 0; at < parsed->size(); at += sizeof(std::uint32_t)) {
    std::uint32_t word = 0;
    std::memcpy(&word, parsed->bytes.data() + at, sizeof word);
    text += hex(word);
  }
  return text;
}

bool any_address(const std::string& form) {
  return form.find_first_not_of('0') == std::string::npos;
}

/// The inode of the socket in one table that is in the way of `key`, or "".
std::string inode_in(const std::string& table, const PortKey& key) {
  const auto text = base::read_file("/proc/thread-self/net/" + table, kLargestTable);
  if (!text) return {};
  const std::string wanted = table_form(key.address);
  std::istringstream lines(*text);
  std::string line;
  std::getline(lines, line);  // the heading
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string slot, local, remote, state, queues, timer, retries, uid, timeout, inode;
    fields >> slot >> local >> remote >> state >> queues >> timer >> retries >> uid >> timeout >>
        inode;
    const auto colon = local.find(':');
    if (!fields || colon == std::string::npos) continue;
    if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) != key.port) continue;
    if (key.protocol == FCVM_PROTO_TCP && state != kListening) continue;
    const std::string address = local.substr(0, colon);
    if (address == wanted || any_address(address) || any_address(wanted)) return inode;
  }
  return {};
}

bool has_socket(const std::filesystem::path& process, const std::string& link) {
  std::error_code error;
  for (std::filesystem::directory_iterator fd(process / "fd", error), end; !error && fd != end;
       fd.increment(error)) {
    std::error_code unreadable;
    if (std::filesystem::read_symlink(fd->path(), unreadable) == link) return true;
  }
  return false;
}

std::string process_with(const std::string& inode) {
  const std::string link = "socket:[" + inode + "]";
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string pid = entry->path().filename();
    if (!std::all_of(pid.begin(), pid.end(), [](unsigned char c) { return std::isdigit(c); })) {
      continue;
    }
    if (!has_socket(entry->path(), link)) continue;
    auto name = base::read_file(entry->path() / "comm", 64);
    if (!name) return "process " + pid;
    name->erase(name->find_last_not_of('\n') + 1);
    return *name + " (process " + pid + ")";
  }
  return {};
}

}  // namespace

std::string port_holder(const PortKey& key) {
  const std::string protocol = key.protocol == FCVM_PROTO_TCP ? "tcp" : "udp";
  for (const std::string& table : {protocol, protocol + "6"}) {
    const std::string inode = inode_in(table, key);
    if (!inode.empty()) return process_with(inode);
  }
  return {};
}

}  // namespace fcvm::net
