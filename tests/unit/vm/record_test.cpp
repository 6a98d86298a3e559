#include "core/vm/model/record.hpp"

#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

Record random_record(std::mt19937& random) {
  const auto bytes = [&] { return random_bytes(random, random() % 40); };
  Record record;
  record.id = "0123456789ab";
  record.name = bytes();
  record.image = bytes();
  record.command = {bytes(), "", bytes()};
  record.labels = {{bytes(), bytes()}, {"", "x"}};
  record.cpus = random();
  record.memory_bytes = ~std::uint64_t{0} - random();
  record.remove_when_done = random() % 2 == 0;
  record.disk_rates = {random(), ~std::uint64_t{0}, 0, random()};
  record.pids_limit = -1;
  record.lifetime_ms = random();
  record.phase = static_cast<Phase>(random() % kPhases);
  record.created_ns = static_cast<std::int64_t>(random()) * -3;
  record.exit_code = static_cast<int>(random() % 256);
  record.error = bytes();
  record.supervisor = {static_cast<pid_t>(random() % 99999), ~std::uint64_t{0}};
  record.processes = {{bytes(), {7, random()}, "landlock", bytes()}, {"pasta", {8, 9}, "", ""}};
  record.plugin_versions = {{bytes(), bytes()}};
  record.guest_addresses = {bytes()};
  record.ports = {{"127.0.0.1", 65535, 80, Protocol::kTcp}, {"::", 1, 65535, Protocol::kUdp, 9}};
  record.gateways = {bytes(), bytes()};
  record.network_error = bytes();
  record.plugin_state = {{"net.rootless", {{"z", bytes()}, {"a", bytes()}}}, {"vmm.qemu", {}}};
  return record;
}

TEST_CASE("a record comes back as it was, whatever bytes are in it") {
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    const Record record = random_record(random);
    const std::string json = to_json(record);
    const Record back = must(record_from_json(json));
    CHECK(to_json(back) == json);
    CHECK(back.name == record.name);
    CHECK(back.command == record.command);
    CHECK(back.labels == record.labels);
    CHECK(back.plugin_state == record.plugin_state);
    CHECK(back.supervisor == record.supervisor);
    REQUIRE(back.processes.size() == 2);
    CHECK(back.processes[0].name == record.processes[0].name);
    CHECK(back.processes[0].id == record.processes[0].id);
    CHECK(back.processes[0].jail_reason == record.processes[0].jail_reason);
    CHECK(back.memory_bytes == record.memory_bytes);
    CHECK(back.phase == record.phase);
    CHECK(back.ports == record.ports);
    CHECK(back.gateways == record.gateways);
    CHECK(back.network_error == record.network_error);
    CHECK(back.disk_rates == record.disk_rates);
    CHECK(back.pids_limit == -1);
    CHECK(back.lifetime_ms == record.lifetime_ms);
  }
}

TEST_CASE("unknown keys are left alone, and missing ones have their defaults") {
  const auto record =
      must(record_from_json(R"({"format":1,"id":"0123456789ab","later":{"x":[1]},"cpus":3})"));
  CHECK(record.cpus == 3);
  CHECK(record.phase == Phase::kCreated);
}

TEST_CASE("a number that is not whole, or does not fit, is refused") {
  for (const char* wrong :
       {R"("cpus":1.5)", R"("cpus":-1)", R"("cpus":4294967296)", R"("created_ns":1e99)",
        R"("supervisor":{"pid":1e10,"start_time":1})", R"("disk_rates":[1,2,3,-4])",
        R"("ports":[{"address":"","host_port":8e126,"guest_port":1,"protocol":Protocol::kTcp}])"}) {
    INFO(wrong);
    const auto refused =
        record_from_json(R"({"format":1,"id":"0123456789ab",)" + std::string(wrong) + "}");
    CHECK(refused.error().code() == EPROTO);
  }
}

TEST_CASE("a newer format is refused, with what helps") {
  const auto refused = record_from_json(R"({"format":2,"id":"0123456789ab"})");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == ENOTSUP);
  CHECK_FALSE(refused.error().remedy().empty());
}

TEST_CASE("what is not a record is refused") {
  for (const auto* text :
       {"", "{", "null", "[]", "3", "{}", R"({"format":1})",
        R"({"format":"1","id":"0123456789ab"})", R"({"format":1,"id":"../../etc"})",
        R"({"format":1,"id":"0123456789ab","cpus":"two"})",
        R"({"format":1,"id":"0123456789ab","phase":"melting"})",
        R"({"format":1,"id":"0123456789ab","name":{"hex":7}})",
        R"({"format":1,"id":"0123456789ab","name":{"hex":"zz"}})", "\xff\xfe"}) {
    INFO(text);
    CHECK_FALSE(record_from_json(text));
  }
  std::mt19937 random(3);
  std::string json = to_json(random_record(random));
  for (std::size_t cut = 0; cut + 2 < json.size(); ++cut) {
    CHECK_FALSE(record_from_json(std::string_view(json).substr(0, cut)));
  }
  for (int i = 0; i < 2000; ++i) {  // may or may not be a record, but must not crash
    std::string hurt = json;
    for (int j = 0; j < 3; ++j) hurt[random() % hurt.size()] = static_cast<char>(random());
    (void)record_from_json(hurt);
  }
}

TEST_CASE("a VM whose supervisor is gone has exited, whatever its record says") {
  Record record;
  record.phase = Phase::kRunning;
  CHECK(record.effective_phase() == Phase::kExited);
  record.supervisor = must(base::identify(::getpid()));
  CHECK(record.effective_phase() == Phase::kRunning);
  ++record.supervisor.start_time;  // the pid of another by now
  CHECK(record.effective_phase() == Phase::kExited);
}

}  // namespace
}  // namespace fcvm::vm
