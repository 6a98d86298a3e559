#include <random>

#include "core/wire/control.hpp"
#include "core/wire/exec.hpp"
#include "core/wire/forward.hpp"
#include "tests/support/catch.hpp"

namespace fcvm::wire {
namespace {

template <typename T>
Result<T> pass(const T& message) {
  const std::string bytes = encode(message);
  FrameBuffer buffer(kMaxControlRequest);
  buffer.append(bytes);
  const auto frame = FCVM_TRY(buffer.next());
  if (!frame) return fail(EAGAIN, "no frame came");
  return decode<T>(*frame);
}

Boot example_boot() {
  Boot boot;
  boot.id = 7;
  boot.plan.hostname = "vm1";
  boot.plan.realtime_ns = 1'700'000'000'123'456'789;
  boot.plan.entropy = std::string(64, '\xff');
  boot.plan.disks = {{"base", DiskRole::kBase, "ext4", "", "", true},
                     {"data", DiskRole::kWritable, "", "", "", false}};
  boot.plan.network.interfaces = {{"52:54:00:00:00:01",
                                   "",
                                   {"10.0.2.100/24", "fd00::100/64"},
                                   "10.0.2.2",
                                   "fd00::2",
                                   1500,
                                   ""}};
  boot.plan.network.dns = {"10.0.2.3"};
  boot.plan.container.source = {ImageDelivery::kArchive, "image", 123'456'789'012};
  boot.plan.container.command = {"sh", "-c", "", "exit 3\n\"'"};
  boot.plan.container.has_entrypoint = true;
  return boot;
}

TEST_CASE("a message comes back as it went") {
  const Boot boot = *pass(example_boot());
  CHECK(boot.id == 7);
  CHECK(boot.plan.realtime_ns == 1'700'000'000'123'456'789);
  CHECK(boot.plan.entropy == std::string(64, '\xff'));
  REQUIRE(boot.plan.disks.size() == 2);
  CHECK(boot.plan.disks[0].role == DiskRole::kBase);
  CHECK_FALSE(boot.plan.disks[1].read_only);
  CHECK(boot.plan.network.interfaces.at(0).addresses.at(1) == "fd00::100/64");
  CHECK(boot.plan.container.command == std::vector<std::string>{"sh", "-c", "", "exit 3\n\"'"});
  CHECK(boot.plan.container.entrypoint.empty());
  CHECK(boot.plan.container.source.length == 123'456'789'012);
}

TEST_CASE("negative numbers and empty messages survive") {
  Done done;
  done.code = -5;
  CHECK(pass(done)->code == -5);
  CHECK(pass(ExecStdinEnd{}).has_value());
  CHECK(pass(ForwardRequest{.port = 65535})->port == 65535);
}

struct Newer {
  std::string extra = "from the future";
  std::int32_t signal = 9;
  FCVM_FIELDS(visit(900, self.extra); visit(1, self.signal);)
};

TEST_CASE("unknown fields are skipped and missing ones keep their default") {
  Encoder encoder;
  const Newer newer;
  Newer::fields(newer, encoder);
  const std::string payload = encoder.take();
  CHECK(decode<ExecSignal>(Frame{ExecSignal::kType, payload})->signal == 9);
  CHECK(decode<StopContainer>(Frame{StopContainer::kType, {}})->grace_ms == 10'000);
}

TEST_CASE("a number that does not fit its field is refused") {
  Encoder encoder;
  encoder(1, std::uint64_t{65536});
  const std::string payload = encoder.take();
  const auto request = decode<ForwardRequest>(Frame{ForwardRequest::kType, payload});
  REQUIRE_FALSE(request);
  CHECK(request.error().code() == EPROTO);
  CHECK_FALSE(decode<ExecAck>(Frame{ForwardRequest::kType, payload}));
}

TEST_CASE("a message cut anywhere is refused or shorter, never read beyond") {
  const std::string whole = encode(example_boot());
  const std::string payload = whole.substr(kFrameHeaderSize);
  for (std::size_t size = 0; size < payload.size(); ++size) {
    const std::string cut = payload.substr(0, size);  // a copy, so that ASan sees its end
    const auto boot = decode<Boot>(Frame{Boot::kType, cut});
    if (!boot) CHECK(boot.error().code() == EPROTO);
  }
}

TEST_CASE("a message with bits flipped at random never does harm") {
  std::mt19937 random(20260101);
  const std::string whole = encode(example_boot()).substr(kFrameHeaderSize);
  for (int round = 0; round < 5000; ++round) {
    std::string broken = whole;
    for (int flips = 0; flips < 4; ++flips) {
      broken[random() % broken.size()] = static_cast<char>(random());
    }
    static_cast<void>(decode<Boot>(Frame{Boot::kType, broken}));
  }
}

TEST_CASE("more fields than any message has are refused") {
  std::string payload;
  for (std::size_t i = 0; i <= Decoder::kMaxFields; ++i) payload.append("\5\0\0\0\0\0", 6);
  CHECK_FALSE(decode<Hello>(Frame{Hello::kType, payload}));
}

TEST_CASE("a piece of a stream carries its offset") {
  const std::string bytes = encode_stream_data({Stream::kStderr, 1ULL << 40, "abc"});
  FrameBuffer buffer(kMaxOutputFrame);
  buffer.append(bytes);
  const auto data = decode_stream_data(**buffer.next());
  REQUIRE(data);
  CHECK(data->stream == Stream::kStderr);
  CHECK(data->offset == 1ULL << 40);
  CHECK(data->bytes == "abc");
  CHECK_FALSE(decode_stream_data(Frame{kStreamDataType, "short"}));
  CHECK_FALSE(decode_stream_data(Frame{kStreamDataType, std::string(16, '\x7f')}));
  CHECK_FALSE(decode_stream_data(
      Frame{kStreamDataType, std::string(8, '\xff') + "\1" + std::string(7, '\0') + "x"}));
}

}  // namespace
}  // namespace fcvm::wire
