// The example plugins do what they say, loaded as a host loads them.
#include <dlfcn.h>
#include <fstream>
#include <memory>

#include <fcvm/image.h>
#include <fcvm/memory.h>
#include <fcvm/net.h>
#include <fcvm/readiness.h>
#include <fcvm/sdk/call.hpp>
#include <fcvm/vmm.h>

#include "tests/support/catch.hpp"
#include "tests/support/fake_host.hpp"

namespace fcvm {
namespace {

/// One instance of an example, and the host that it was made with.
template <typename Verbs>
struct Example {
  test::FakeHost host;
  const fcvm_plugin* plugin = nullptr;
  const Verbs* verbs = nullptr;
  void* instance = nullptr;
  fcvm_error error = sized<fcvm_error>();
  std::int64_t soon = monotonic_now() + 10'000'000'000;

  Example(const std::string& id, const char* kind, std::vector<fcvm_setting> rows = {}) {
    void* object = ::dlopen((FCVM_EXAMPLES "/" + id + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
    REQUIRE(object != nullptr);
    plugin = reinterpret_cast<fcvm_plugin_entry_fn>(::dlsym(object, FCVM_ENTRY_SYMBOL))();
    auto descriptor = sized<fcvm_descriptor>();
    REQUIRE(plugin->describe(&descriptor, &error) == 0);
    CHECK(descriptor.id == id);
    std::vector<const fcvm_setting*> pointers;
    for (const auto& row : rows) pointers.push_back(&row);
    auto settings = sized<fcvm_settings>();
    settings.items = pointers.data();
    settings.count = static_cast<std::uint32_t>(pointers.size());
    REQUIRE(plugin->create(host.raw(), &settings, &instance, &error) == 0);
    verbs = static_cast<const Verbs*>(plugin->verbs(kind));
    REQUIRE(verbs != nullptr);
  }
  Example(const Example&) = delete;
  ~Example() { plugin->destroy(&instance); }
};

fcvm_setting setting(const char* name, std::uint32_t type, const char* text, std::int64_t number) {
  auto made = sized<fcvm_setting>();
  made.name = name;
  made.type = type;
  made.text = text;
  made.number = number;
  return made;
}

/// A directory with the memory file of a snapshot, or an image, in it.
struct Scratch {
  std::string path = "/tmp/fcvm-examples.XXXXXX";
  Fd fd;
  Scratch() {
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    fd = Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~Scratch() { REQUIRE(std::system(("rm -r " + path).c_str()) == 0); }
};

TEST_CASE("net.null attaches nothing and dials nobody") {
  const Example<fcvm_net_v1> null("net.null", FCVM_KIND_NET);
  const auto request = sized<fcvm_net_request>();
  auto attachment = sized<fcvm_net_attachment>();
  auto error = sized<fcvm_error>();
  std::int32_t fd = -1;
  const auto report = sized<fcvm_net_report>();
  CHECK(null.verbs->attach(null.instance, &request, null.soon, &attachment, &report, &error) == 0);
  CHECK(attachment.flags == 0);
  CHECK(text_of(attachment.tap).empty());
  CHECK(null.verbs->dial(null.instance, FCVM_PROTO_TCP, 80, null.soon, &fd, &error) ==
        -ENETUNREACH);
}

TEST_CASE("readiness.file-exists looks until the file is there") {
  Example<fcvm_readiness_v1> gate("readiness.file-exists", FCVM_KIND_READINESS,
                                  {setting("path", FCVM_OPTION_TEXT, "/run/up", 0),
                                   setting("interval", FCVM_OPTION_DURATION, nullptr, 1'000'000)});
  int looks = 0;
  gate.host.on_exec = [&](test::FakeHost::Exec& exec) {
    CHECK(exec.arguments.at(2) == "/run/up");
    exec.exit_code = ++looks < 3 ? 1 : 0;
    return 0;
  };
  const auto target = sized<fcvm_ready_target>();
  CHECK(gate.verbs->wait(gate.instance, &target, gate.soon, &gate.error) == 0);
  CHECK(looks == 3);
  looks = -1'000'000;
  const auto deadline = monotonic_now() + 20'000'000;
  CHECK(gate.verbs->wait(gate.instance, &target, deadline, &gate.error) == -ETIMEDOUT);
  CHECK(text_of(gate.error.message) == "/run/up is not there yet: timed out");
}

TEST_CASE("readiness.tcp-port, in C, dials until the guest accepts") {
  Example<fcvm_readiness_v1> gate("readiness.tcp-port", FCVM_KIND_READINESS,
                                  {setting("port", FCVM_OPTION_INTEGER, "8080", 8080)});
  int dials = 0;
  gate.host.on_dial_tcp = [&](std::uint16_t port, std::int32_t* fd) -> std::int32_t {
    CHECK(port == 8080);
    if (++dials < 2) return -ECONNREFUSED;
    *fd = ::dup(0);
    return 0;
  };
  const auto target = sized<fcvm_ready_target>();
  CHECK(gate.verbs->wait(gate.instance, &target, gate.soon, &gate.error) == 0);
  dials = -1'000'000;
  const auto deadline = monotonic_now() + 20'000'000;
  CHECK(gate.verbs->wait(gate.instance, &target, deadline, &gate.error) == -ETIMEDOUT);
}

TEST_CASE("memory.plain-file links the memory file and unlinks it again") {
  const Scratch snapshot;
  const Scratch home;
  std::ofstream(snapshot.path + "/memory.bin") << "pages";
  Example<fcvm_memory_v1> memory("memory.plain-file", FCVM_KIND_MEMORY);
  auto layer = sized<fcvm_memory_layer>();
  layer.directory_fd = snapshot.fd.get();
  layer.path = "memory.bin";
  const fcvm_memory_layer* const layers[] = {&layer};
  auto request = sized<fcvm_memory_request>();
  request.layers = layers;
  request.layer_count = 1;
  request.memory_bytes = 5;
  REQUIRE(memory.verbs->open(memory.instance, &request, memory.soon, &memory.error) == 0);
  auto clone = sized<fcvm_memory_clone>();
  clone.clone_id = "c1";
  clone.directory_fd = home.fd.get();
  auto offer = sized<fcvm_memory_offer>();
  auto figures = sized<fcvm_memory_figures>();
  REQUIRE(memory.verbs->attach_clone(memory.instance, &clone, memory.soon, &offer, &memory.error) ==
          0);
  CHECK(offer.type == FCVM_MEMORY_FROM_FILE);
  CHECK(::access((home.path + "/" + offer.path).c_str(), R_OK) == 0);
  CHECK(memory.verbs->clone_started(memory.instance, "c1", 0, &memory.error) == 0);
  CHECK(memory.verbs->health(memory.instance, nullptr, &memory.error) == 0);
  CHECK(memory.verbs->figures(memory.instance, &figures, nullptr) == 0);
  CHECK(figures.clones == 1);
  CHECK(memory.verbs->detach_clone(memory.instance, "c1", memory.soon, &memory.error) == 0);
  CHECK(::access((home.path + "/" + offer.path).c_str(), R_OK) != 0);
  CHECK(memory.verbs->detach_clone(memory.instance, "c1", memory.soon, &memory.error) == -ENOENT);
  CHECK(memory.verbs->close(memory.instance, memory.soon, &memory.error) == 0);
}

TEST_CASE("image.directory finds, digests and configures an archive") {
  const Scratch images;
  std::ofstream(images.path + "/manifest.json") << R"([{"Config":"abc.json","Layers":[]}])";
  std::ofstream(images.path + "/abc.json") << R"({"architecture":"amd64"})";
  const std::string pack = "cd " + images.path + " && tar -cf web.tar manifest.json abc.json";
  REQUIRE(std::system(pack.c_str()) == 0);
  Example<fcvm_image_v1> image("image.directory", FCVM_KIND_IMAGE,
                               {setting("path", FCVM_OPTION_TEXT, images.path.c_str(), 0)});
  auto request = sized<fcvm_image_request>();
  request.reference = "web";
  auto identity = sized<fcvm_image_identity>();
  REQUIRE(image.verbs->resolve(image.instance, &request, image.soon, &identity, &image.error) == 0);
  CHECK(text_of(identity.digest).size() == 7 + 64);
  std::string json;
  const auto keep = [](void* context, const char* text, std::uint64_t length) -> std::int32_t {
    static_cast<std::string*>(context)->assign(text, length);
    return 0;
  };
  REQUIRE(image.verbs->config(image.instance, &request, identity.digest, image.soon, keep, &json,
                              &image.error) == 0);
  CHECK(json == R"({"architecture":"amd64"})");
  auto delivery = sized<fcvm_image_delivery>();
  struct Disk {
    std::string path;
    std::uint64_t bytes = 0;
  } disk;
  const auto keep_disk = [](void* context, const fcvm_image_disk* raw) -> std::int32_t {
    *static_cast<Disk*>(context) = {raw->path, raw->content_bytes};
    return 0;
  };
  REQUIRE(image.verbs->prepare(image.instance, &request, identity.digest, image.soon, &delivery,
                               keep_disk, &disk, &image.error) == 0);
  CHECK(delivery.how == FCVM_GUEST_LOAD_ARCHIVE);
  CHECK(disk.path == images.path + "/web.tar");
  CHECK(disk.bytes == identity.stored_bytes);
  request.reference = "none";
  CHECK(image.verbs->resolve(image.instance, &request, image.soon, &identity, &image.error) ==
        -ENOENT);
}

TEST_CASE("vmm.pretend goes through the states of a VM") {
  Example<fcvm_vmm_v1> vmm("vmm.pretend", FCVM_KIND_VMM);
  auto status = sized<fcvm_vm_status>();
  const auto state = [&] {
    CHECK(vmm.verbs->status(vmm.instance, &status, nullptr) == 0);
    return status.state;
  };
  auto spec = sized<fcvm_vm_spec>();
  const Scratch home;
  spec.directory_fd = home.fd.get();
  CHECK(state() == FCVM_VM_NEW);
  CHECK(vmm.verbs->pause(vmm.instance, vmm.soon, &vmm.error) == -ESRCH);
  REQUIRE(vmm.verbs->start(vmm.instance, &spec, vmm.soon, &vmm.error) == 0);
  CHECK(state() == FCVM_VM_RUNNING);
  CHECK(vmm.verbs->pause(vmm.instance, vmm.soon, &vmm.error) == 0);
  CHECK(state() == FCVM_VM_PAUSED);
  CHECK(vmm.verbs->resume(vmm.instance, vmm.soon, &vmm.error) == 0);
  CHECK(state() == FCVM_VM_RUNNING);
  CHECK(vmm.verbs->restore == nullptr);
  CHECK(vmm.verbs->kill(vmm.instance, vmm.soon, &vmm.error) == 0);
  CHECK(state() == FCVM_VM_ENDED);
}

}  // namespace
}  // namespace fcvm
