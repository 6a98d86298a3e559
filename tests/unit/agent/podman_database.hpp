// A small database of SQLite's own making, with podman's tables and one container.
#pragma once

#include <string>

namespace fcvm::agent {

/// Pages of 512 bytes, so that its schema is a tree and its container's JSON has pages of its own:
///
///     create table IDNamespace(ID text primary key not null);
///     create table ContainerConfig(ID text primary key not null, Name text unique not null, ...);
///     insert into ContainerConfig values('0123', 'old', NULL, '{"a":"xxx..."}');
///     insert into ContainerState values('0123', 1, 0, '{"state":1}');
inline std::string podman_database() {
  std::string file(6144, '\0');
  const auto at = [&](std::size_t place, const std::string& bytes) {
    file.replace(place, bytes.size(), bytes);
  };
  const auto bytes = []<std::size_t kSize>(const char(&text)[kSize]) {
    return std::string(&text[0], kSize - 1);
  };
  // clang-format off
  at(0, bytes("SQLite format 3\x00\x02\x00\x01\x01\x00@  \x00\x00\x00\x06\x00\x00\x00\x0c"));
  at(43, bytes("\x03\x00\x00\x00\x04"));
  at(59, bytes("\x01"));
  at(95, bytes("\x06\x00.c\x01\x05\x00\x00\x00\x01\x01\xfb\x00\x00\x00\x00\x08\x01\xfb"));
  at(510, bytes("\x07\x03\x0d\x00\x00\x00\x01\x01\xf8\x00\x01\xf8"));
  at(1016, bytes("\x06\x01\x02\x15" "0123\x0a\x00\x00\x00\x01\x01\xf8\x00\x01\xf8"));
  at(1528, bytes("\x07\x03\x15\x09" "0123\x0d\x00\x00\x00\x01\x01\x90\x00\x01\x90"));
  at(1936, bytes("\x88" "a\x01\x06\x15\x13\x00\x91" "40123old{\"a\":\""));
  at(1958, std::string(86, 'x'));
  at(2044, bytes("\x00\x00\x00\x0b\x0a\x00\x00\x00\x01\x01\xf8\x00\x01\xf8"));
  at(2552, bytes("\x07\x03\x15\x09" "0123\x0a\x00\x00\x00\x01\x01\xf9\x00\x01\xf9"));
  at(3065, bytes("\x06\x03\x13\x09old\x0d\x01\xf8\x00\x03\x00y\x00\x01g\x01\xc1\x00y\x00\xe9\x00\xe9"));
  at(3193, bytes("\x81k\x03\x07\x17++\x01\x83\x0dtableContainerConfigContainerConfig\x04" "CREATE TABLE ContainerConfig(ID TEXT PRIMARY KEY NOT NULL, Name TEXT UNIQUE NOT NULL, PodID TEXT, JSON TEXT NOT NULL, FOREIGN KEY (ID) REFERENCES IDNamespace(ID) DEFERRABLE INITIALLY DEFERRED)X\x01\x06\x17##\x01ytableIDNamespaceIDNamespace\x02" "CREATE TABLE IDNamespace(ID TEXT PRIMARY KEY NOT NULL)5\x02\x06\x17I#\x01\x00indexsqlite_autoindex_IDNamespace_1IDNamespace\x03\x00\x00\x00\x08\x00\x00\x00\x00\x0d\x01z\x00\x04\x00K\x00\x01\xc1\x01\x82\x00K\x01="));
  at(3659, bytes("\x81o\x06\x07\x17))\x01\x83\x19tableContainerStateContainerState\x09" "CREATE TABLE ContainerState(ID TEXT PRIMARY KEY NOT NULL, State INTEGER NOT NULL, ExitCode INTEGER, JSON TEXT NOT NULL, FOREIGN KEY (ID) REFERENCES ContainerConfig(ID) DEFERRABLE INITIALLY DEFERRED);\x07\x06\x17O)\x01\x00indexsqlite_autoindex_ContainerState_1ContainerState\x0a\x00\x00\x00\x08\x00\x00\x00\x00=\x05\x06\x17Q+\x01\x00indexsqlite_autoindex_ContainerConfig_2ContainerConfig\x06=\x04\x06\x17Q+\x01\x00indexsqlite_autoindex_ContainerConfig_1ContainerConfig\x05\x0d\x00\x00\x00\x01\x01\xea\x00\x01\xea"));
  at(4586, bytes("\x14\x01\x05\x15\x09\x08\"0123{\"state\":1}\x0a\x00\x00\x00\x01\x01\xf8\x00\x01\xf8"));
  at(5112, bytes("\x07\x03\x15\x09" "0123\x00\x00\x00\x0c"));
  at(5124, std::string(508, 'x'));
  at(5632, bytes("\x00\x00\x00\x00"));
  at(5636, std::string(506, 'x'));
  at(6142, bytes("\"}"));
  // clang-format on
  return file;
}

}  // namespace fcvm::agent
