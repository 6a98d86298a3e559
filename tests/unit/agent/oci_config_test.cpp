#include "agent/container/oci_config.hpp"

#include "tests/support/catch.hpp"

namespace fcvm::agent {
namespace {

constexpr char kConfig[] = R"({
  "hostname": "web",
  "process": {
    "user": {"uid": 33, "gid": 34, "umask": 63, "additionalGids": [44, 29]},
    "env": ["PATH=/bin", "A=1", "HOME=/var/www", "HOSTNAME=web"],
    "cwd": "/srv", "noNewPrivileges": true,
    "capabilities": {"bounding": ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"], "effective": ["CAP_KILL"]},
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 18446744073709551615}]
  },
  "linux": {
    "namespaces": [{"type": "pid"}, {"type": "mount"}],
    "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOG"]}
  }
})";

Result<OciConfig> parse(const std::string& json) {
  bool seccomp = false;
  return parse_oci_config(json, seccomp);
}

std::string with(std::string what, const std::string& by) {
  std::string json = kConfig;
  return json.replace(json.find(what), what.size(), by);
}

TEST_CASE("the signal to stop with is an annotation of podman's") {
  const auto signal = [](const std::string& annotation) {
    return parse_stop_signal(R"({"annotations":{"org.opencontainers.image.stopSignal":)" + annotation +
                             "}}");
  };
  CHECK(signal(R"("3")") == 3);
  CHECK(signal(R"("SIGQUIT")") == 0);
  CHECK(signal(R"("65536")") == 0);
  CHECK(signal("3") == 0);
  CHECK(parse_stop_signal("{}") == 0);
  CHECK(parse_stop_signal("no JSON") == 0);
}

TEST_CASE("an OCI configuration is read") {
  bool seccomp = false;
  const auto config = parse_oci_config(kConfig, seccomp);
  REQUIRE(config);
  CHECK(seccomp);
  CHECK(config->seccomp_flags == 2);
  CHECK(config->hostname == "web");
  CHECK(config->uid == 33);
  CHECK(config->gid == 34);
  CHECK(config->umask == 077);
  CHECK(config->groups == std::vector<gid_t>{44, 29});
  CHECK(config->workdir == "/srv");
  CHECK(config->no_new_privileges);
  CHECK(config->capabilities.bounding == (1ULL | 1ULL << 40));
  CHECK(config->capabilities.effective == 1ULL << 5);
  CHECK(config->capabilities.ambient == 0);
  REQUIRE(config->limits.size() == 1);
  CHECK(config->limits[0].first == RLIMIT_NOFILE);
  CHECK(config->limits[0].second.rlim_cur == 10);
  CHECK(config->limits[0].second.rlim_max == RLIM_INFINITY);
}

TEST_CASE("what crun would do and we cannot is said, not left out") {
  CHECK(parse(with(R"("type": "mount")", R"("type": "user")")).error().code() == ENOTSUP);
  CHECK(parse(with(R"("type": "pid")", R"("type": "time")")).error().code() == ENOTSUP);
  CHECK(parse(with("CAP_KILL", "CAP_OF_TOMORROW")).error().code() == ENOTSUP);
  CHECK(parse(with("RLIMIT_NOFILE", "RLIMIT_TOMORROW")).error().code() == ENOTSUP);
  CHECK(parse(with("FLAG_LOG", "FLAG_OF_TOMORROW")).error().code() == ENOTSUP);
  CHECK(parse(with(R"("flags")", R"("listenerPath": "/run/x", "flags")")).error().code() ==
        ENOTSUP);
  CHECK(parse(with(R"("cwd")", R"("scheduler": {"policy": "SCHED_FIFO"}, "cwd")")).error().code() ==
        ENOTSUP);
  for (const char* setting : {R"("apparmorProfile": "strict", )", R"("oomScoreAdj": -500, )",
                              R"("selinuxLabel": "system_u:system_r:container_t:s0", )"}) {
    const auto refused = parse(with(R"("cwd")", std::string(setting) + R"("cwd")"));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ENOTSUP);
  }
  CHECK(parse(with(R"("cwd")", R"("apparmorProfile": "", "oomScoreAdj": 0, "cwd")")));
}

TEST_CASE("nonsense in place of a configuration is an error, never a crash") {
  for (const char* text : {"", "{", "[]", "null", "7", "{\"process\": 7}", "{\"process\": []}"}) {
    CHECK_FALSE(parse(text));
  }
  // Of the wrong types throughout: every field keeps its default.
  const auto config = parse(
      R"({"hostname": 1, "process": {"user": 1, "env": {"A": 1}, "cwd": [], "rlimits": {},
          "capabilities": 9, "noNewPrivileges": "yes"}, "linux": [1]})");
  REQUIRE(config);
  CHECK(config->environment.empty());
  CHECK(config->workdir == "/");
}

TEST_CASE("the container's id is in its cgroup") {
  const std::string id(64, 'a');
  CHECK(podman_id("0::/libpod_parent/libpod-" + id + "\n") == id);
  CHECK(podman_id("0::/machine.slice/libpod-" + id + ".scope/container\n") == id);
  CHECK(podman_id("0::/libpod_parent/libpod-conmon\n").empty());
  CHECK(podman_id("0::/init\n").empty());
}

TEST_CASE("what podman adds at a start is not part of an exec's environment") {
  const auto config = parse(kConfig);
  using Strings = std::vector<std::string>;
  CHECK(exec_environment(*config, "/var/www", {}) == Strings{"PATH=/bin", "A=1"});
  CHECK(exec_environment(*config, "/other", {}) == Strings{"PATH=/bin", "A=1", "HOME=/var/www"});
  CHECK(exec_environment(*config, "/var/www", {"HOSTNAME=web"}).size() == 4);
  CHECK(exec_environment(*config, "/var/www", {"HOME=/var/www"}).size() == 3);
}

}  // namespace
}  // namespace fcvm::agent
