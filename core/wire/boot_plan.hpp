// BootPlan: everything that the guest needs to know to become what the host wants.
//
// Owns the structures alone. It comes through the control stream, so that no VMM has to have a
// metadata service, and no secret stands on a kernel command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/wire/message.hpp"

namespace fcvm::wire {

enum class DiskRole : std::uint8_t {
  kNone = 0,
  kBase = 1,      // the read-only root, shared by all VMs
  kWritable = 2,  // this VM's own: the overlay's upper side and /var/lib/containers
  kImage = 3,     // as ImageDelivery says: an archive from its first byte on, or a store
  kData = 4,      // mounted at `mount_at` (in the guest) before the container starts
  kRaw = 5,       // named /dev/disk/by-id/virtio-SERIAL, and left alone
};

struct Disk {
  std::string serial;  // as virtio-blk reports it: 20 bytes at most
  DiskRole role = DiskRole::kNone;
  std::string filesystem;  // empty: ext4
  std::string mount_at;
  std::string options;
  bool read_only = false;

  FCVM_FIELDS(visit(1, self.serial); visit(2, self.role); visit(3, self.filesystem);
              visit(4, self.mount_at); visit(5, self.options); visit(6, self.read_only);)
};

/// mount(2) in the guest's root, after the disks.
struct Mount {
  std::string source;
  std::string target;
  std::string filesystem;
  std::string options;
  bool read_only = false;

  FCVM_FIELDS(visit(1, self.source); visit(2, self.target); visit(3, self.filesystem);
              visit(4, self.options); visit(5, self.read_only);)
};

struct Interface {
  std::string mac;                     // finds it; empty: by name
  std::string name;                    // empty: eth0
  std::vector<std::string> addresses;  // "10.0.2.100/24", "fd00::100/64"
  std::string gateway4;
  std::string gateway6;
  std::uint32_t mtu = 0;  // 0: leave it
  std::string new_mac;    // after a restore: empty keeps it

  FCVM_FIELDS(visit(1, self.mac); visit(2, self.name); visit(3, self.addresses);
              visit(4, self.gateway4); visit(5, self.gateway6); visit(6, self.mtu);
              visit(7, self.new_mac);)
};

struct HostEntry {
  std::string address;
  std::string names;  // separated by blanks

  FCVM_FIELDS(visit(1, self.address); visit(2, self.names);)
};

struct Network {
  std::vector<Interface> interfaces;
  std::vector<std::string> dns;
  std::vector<std::string> search;
  std::vector<std::string> dns_options;
  std::vector<HostEntry> hosts;

  FCVM_FIELDS(visit(1, self.interfaces); visit(2, self.dns); visit(3, self.search);
              visit(4, self.dns_options); visit(5, self.hosts);)
};

enum class ImageDelivery : std::uint8_t {
  kNone = 0,     // `image` is in the guest's storage already
  kArchive = 1,  // podman load from the disk named by `disk_serial`
  kStore = 2,    // the image disks are read-only additional image stores, in their order
  kStorage = 3,  // the image disk is podman's storage itself, by the driver of its file system
};

/// Only what ImageDelivery needs; the format is podman load's to find out.
struct ImageSource {
  ImageDelivery delivery = ImageDelivery::kNone;
  std::string disk_serial;
  std::uint64_t length = 0;  // of the archive: a disk is rounded up

  FCVM_FIELDS(visit(1, self.delivery); visit(2, self.disk_serial); visit(3, self.length);)
};

struct ContainerSpec {
  ImageSource source;
  std::string image;  // what podman run is given
  std::string name;
  std::string hostname;  // empty: the guest's
  std::vector<std::string> command;
  std::vector<std::string> entrypoint;  // replaces the image's when has_entrypoint
  bool has_entrypoint = false;          // an empty list then clears it
  std::vector<std::string> environment;
  std::string user;
  std::string workdir;
  std::vector<std::string> labels;
  std::vector<std::string> volumes;  // "GUEST:CONTAINER[:ro]"
  bool privileged = false;
  bool tty = false;
  bool interactive = false;
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
  std::vector<std::string> podman_options;  // passed to podman run as they are
  bool again = false;  // it is on the guest's disks, from an earlier boot, and is started again
  bool held = false;   // its end is not the last word: the host starts it again, or releases it

  FCVM_FIELDS(visit(1, self.source); visit(2, self.image); visit(3, self.name);
              visit(4, self.hostname); visit(5, self.command); visit(6, self.entrypoint);
              visit(7, self.has_entrypoint); visit(8, self.environment); visit(9, self.user);
              visit(10, self.workdir); visit(11, self.labels); visit(12, self.volumes);
              visit(13, self.privileged); visit(14, self.tty); visit(15, self.interactive);
              visit(16, self.rows); visit(17, self.columns); visit(20, self.podman_options);
              visit(21, self.again); visit(22, self.held);)
};

/// What tells whether the container is well. An agent that does not know of it leaves it undone.
struct HealthCheck {
  std::vector<std::string> command;  // in the container; empty: there is none
  std::uint32_t interval_ms = 0;
  std::uint32_t timeout_ms = 0;
  std::uint32_t start_period_ms = 0;  // in which failures do not count
  std::uint32_t retries = 0;          // failures in a row that make it unhealthy

  FCVM_FIELDS(visit(1, self.command); visit(2, self.interval_ms); visit(3, self.timeout_ms);
              visit(4, self.start_period_ms); visit(5, self.retries);)
};

/// A directory of the host's, over streams of kFusePort. An agent that does not know of it leaves
/// it undone.
struct Map {
  bool read_only = false;

  FCVM_FIELDS(visit(1, self.read_only);)
};

struct BootPlan {
  std::string hostname;
  std::string machine_id;  // 32 hexadecimal digits; empty: the agent makes one
  std::int64_t realtime_ns = 0;
  std::string entropy;
  std::vector<Disk> disks;
  std::vector<Mount> mounts;
  Network network;
  ContainerSpec container;               // no image: none is run, and the guest waits for exec
  std::vector<std::string> sysctls;      // "net.ipv4.ip_forward=1"
  std::vector<std::string> environment;  // of the guest's own programs: "http_proxy=..."
  HealthCheck health;
  std::vector<Map> maps;  // each at map_mountpoint(its number)

  FCVM_FIELDS(visit(1, self.hostname); visit(2, self.machine_id); visit(3, self.realtime_ns);
              visit(4, self.entropy); visit(5, self.disks); visit(6, self.mounts);
              visit(7, self.network); visit(8, self.container); visit(9, self.sysctls);
              visit(11, self.environment); visit(12, self.health); visit(13, self.maps);)
};

}  // namespace fcvm::wire
