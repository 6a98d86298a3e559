#include "core/plugin/registry.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/plugin/toy_plugins.hpp"

namespace fcvm::plugin {
namespace {

std::string mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos ? part : text;
}
#define CHECK_MENTIONS(text, part) CHECK(mentions(text, part) == (part))

TEST_CASE("a plugin that is registered by its table is described in full") {
  Registry registry;
  REQUIRE(registry.add_table(toys::table_of<toys::Net>()));
  const auto found = registry.find("net", "toy");
  REQUIRE(found);
  const Descriptor& descriptor = (*found)->descriptor;
  CHECK(descriptor.id == "net.toy");
  CHECK(descriptor.version == "1.2.3");
  CHECK(capability_names(descriptor.kind, descriptor.capabilities) ==
        std::vector<std::string>{"ipv6"});
  REQUIRE(descriptor.options.find("patience") != nullptr);
  CHECK(descriptor.options.find("patience")->initial == "2s");
  CHECK(descriptor.options.find("mood")->choices ==
        std::vector<std::string>{"good", "bad", "throws"});
}

TEST_CASE("a description survives the way through JSON") {
  const auto before = describe(*toys::table_of<toys::Gate>());
  REQUIRE(before);
  const auto after = descriptor_from_json(to_json(*before));
  REQUIRE(after);
  CHECK(after->id == before->id);
  CHECK(after->options.section == "plugin.readiness.toy");
  CHECK(after->options.find("url")->required);
  CHECK_FALSE(descriptor_from_json("{\"id\":1}"));
  CHECK_FALSE(descriptor_from_json("garbage"));
}

TEST_CASE("two plugins of one id are refused, and both are named") {
  Registry registry;
  REQUIRE(registry.add_table(toys::table_of<toys::Net>()));
  const auto again = registry.add_table(toys::table_of<toys::Net>());
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == EEXIST);
  CHECK_MENTIONS(again.error().message(), "net.toy is already that of built in");
}

TEST_CASE("a plugin that is not there is answered with those that are") {
  Registry registry;
  REQUIRE(registry.add_table(toys::table_of<toys::Net>()));
  REQUIRE(registry.add_table(toys::table_of<toys::Gate>()));
  CHECK_MENTIONS(registry.find("net", "tou").error().message(), "did you mean `toy`?");
  CHECK_MENTIONS(registry.find("toy").error().message(), "several plugins");
  CHECK(registry.find("readiness.toy"));
}

TEST_CASE("a newer ABI and an unknown kind are told apart") {
  fcvm_plugin table = *toys::table_of<toys::Net>();
  table.describe = [](fcvm_descriptor* out, fcvm_error*) -> std::int32_t {
    auto descriptor = sized<fcvm_descriptor>();
    descriptor.abi_version = 2;
    descriptor.id = "net.future";
    descriptor.kind = "net/1";
    sized_assign(out, descriptor);
    return 0;
  };
  CHECK_MENTIONS(describe(table).error().message(), "built for plugin ABI 2");
  table.describe = [](fcvm_descriptor* out, fcvm_error*) -> std::int32_t {
    auto descriptor = sized<fcvm_descriptor>();
    descriptor.abi_version = FCVM_ABI_VERSION;
    descriptor.id = "net.future";
    descriptor.kind = "net/9";
    descriptor.draft = FCVM_DRAFT;
    sized_assign(out, descriptor);
    return 0;
  };
  // Its verbs() has those of net/1, too.
  CHECK(describe(table)->kind == FCVM_KIND_NET);
  table.verbs = [](const char*) -> const void* { return nullptr; };
  CHECK_MENTIONS(describe(table).error().message(), "of the kind \"net/9\"");
}

TEST_CASE("a plugin of another draft is refused by a message that names both") {
  fcvm_plugin table = *toys::table_of<toys::Net>();
  static std::uint32_t draft = 0;
  table.describe = [](fcvm_descriptor* out, fcvm_error* error) -> std::int32_t {
    const std::int32_t code = toys::table_of<toys::Net>()->describe(out, error);
    out->draft = draft;
    return code;
  };
  CHECK_MENTIONS(describe(table).error().message(), "for draft 1 of the plugin interface");
  draft = FCVM_DRAFT + 1;
  CHECK_MENTIONS(describe(table).error().message(),
                 "draft " + std::to_string(FCVM_DRAFT + 1) + " of the plugin interface");
  CHECK_MENTIONS(describe(table).error().message(), "speaks draft " + std::to_string(FCVM_DRAFT));
  CHECK_MENTIONS(describe(table).error().remedy(), "newer fcvm");
  draft = FCVM_DRAFT;
  CHECK(describe(table));
}

TEST_CASE("what a plugin says of itself reaches no terminal as control characters") {
  fcvm_plugin table = *toys::table_of<toys::Net>();
  table.describe = [](fcvm_descriptor* out, fcvm_error*) -> std::int32_t {
    static fcvm_option option = sized<fcvm_option>();
    option.type = FCVM_OPTION_TEXT;
    option.name = "mood";
    option.help = "one\ntwo \x1b[31m";
    static fcvm_option newer = sized<fcvm_option>();
    newer.type = 77;
    newer.name = "shape";
    static const fcvm_option* const rows[] = {&option, &newer};
    auto descriptor = sized<fcvm_descriptor>();
    descriptor.abi_version = FCVM_ABI_VERSION;
    descriptor.draft = FCVM_DRAFT;
    descriptor.id = "net.loud";
    descriptor.kind = FCVM_KIND_NET;
    descriptor.summary = "\x1b]0;title\x07";
    descriptor.options = rows;
    descriptor.option_count = 2;
    sized_assign(out, descriptor);
    return 0;
  };
  const auto described = describe(table);
  REQUIRE(described);
  CHECK(described->summary == "\\x1b]0;title\\x07");
  // The option of a type that nobody here knows is left out, since it need not be set.
  REQUIRE(described->options.options.size() == 1);
  CHECK(described->options.options.front().help == "one\\x0atwo \\x1b[31m");
}

TEST_CASE("an option's default and variable are what a shell and a terminal take") {
  fcvm_plugin table = *toys::table_of<toys::Net>();
  static fcvm_option option = sized<fcvm_option>();
  option.type = FCVM_OPTION_TEXT;
  option.name = "mood";
  table.describe = [](fcvm_descriptor* out, fcvm_error*) -> std::int32_t {
    static const fcvm_option* const rows[] = {&option};
    auto descriptor = sized<fcvm_descriptor>();
    descriptor.abi_version = FCVM_ABI_VERSION;
    descriptor.draft = FCVM_DRAFT;
    descriptor.id = "net.loud";
    descriptor.kind = FCVM_KIND_NET;
    descriptor.options = rows;
    descriptor.option_count = 1;
    sized_assign(out, descriptor);
    return 0;
  };
  option.variable = "LOUD_MOOD";
  option.default_value = "bad";
  const auto described = describe(table);
  REQUIRE(described);
  CHECK(described->options.options.front().environment == std::vector<std::string>{"LOUD_MOOD"});
  option.default_value = "\x1b[31m";
  CHECK_MENTIONS(describe(table).error().message(), "`mood` has control characters");
  option.default_value = nullptr;
  option.variable = "LOUD=MOOD";
  CHECK_MENTIONS(describe(table).error().message(), "\"LOUD=MOOD\" cannot be a variable");
}

TEST_CASE("files that cannot be plugins are refused before they are opened, each with its reason") {
  const auto dir = base::TempDir::create();
  REQUIRE(dir);
  const auto refusal = [&](const std::string& name, std::string_view bytes, mode_t mode) {
    const auto path = dir->path() + "/" + name;
    REQUIRE(base::write_file_atomic(path, bytes, mode));
    const auto checked = check_file(path);
    REQUIRE_FALSE(checked);
    CHECK_MENTIONS(checked.error().message(), path);
    return checked.error().message();
  };
  const auto self = base::read_file("/proc/self/exe", 512 << 20);
  REQUIRE(self);
  std::string foreign = self->substr(0, 4096);
  foreign[18] = static_cast<char>(0xb7);  // e_machine: aarch64
  if (*reinterpret_cast<const unsigned char*>(&(*self)[18]) == 0xb7) foreign[18] = 0x3e;

  CHECK_MENTIONS(
      refusal("text.so", "not an object, but a text which is long enough to be one", 0644),
      "is not an ELF object");
  CHECK_MENTIONS(refusal("empty.so", "", 0644), "is not an ELF object");
  CHECK_MENTIONS(refusal("short.so", self->substr(0, 40), 0644), "is truncated");
  CHECK_MENTIONS(refusal("cut.so", self->substr(0, 4096), 0644), "is truncated");
  CHECK_MENTIONS(refusal("foreign.so", foreign, 0644), "this machine is");
  CHECK_MENTIONS(refusal("writable.so", *self, 0666), "is writable by everybody");

  CHECK_MENTIONS(check_file(dir->path()).error().message(), "is not a regular file");
}

TEST_CASE("what somebody else can change is not a plugin of ours") {
  const auto dir = base::TempDir::create();
  REQUIRE(dir);
  const std::string inner = dir->path() + "/inner";
  REQUIRE(base::make_directories(inner));
  const std::string path = inner + "/plugin.so";
  const auto self = base::read_file("/proc/self/exe", 512 << 20);
  REQUIRE(self);
  REQUIRE(base::write_file_atomic(path, *self, 0644));
  REQUIRE(check_file(path));
  const auto refusal = [&](uid_t owner = ::geteuid()) {
    const auto checked = check_file(path, owner);
    REQUIRE_FALSE(checked);
    return checked.error().message();
  };
  REQUIRE(::chmod(inner.c_str(), 0777) == 0);
  CHECK_MENTIONS(refusal(), "lies in " + inner + ", which is writable by everybody");
  REQUIRE(::chmod(inner.c_str(), 0755) == 0);
  if (::geteuid() != 0) {
    CHECK_MENTIONS(refusal(::geteuid() + 1), "belongs to user");
    return;
  }
  REQUIRE(::chown(path.c_str(), 4242, 0) == 0);
  CHECK_MENTIONS(refusal(), "belongs to user 4242");
  CHECK(check_file(path, 4242));
  REQUIRE(::chown(path.c_str(), 0, 4242) == 0);
  REQUIRE(::chmod(path.c_str(), 0664) == 0);
  CHECK_MENTIONS(refusal(), "is writable by group 4242");
  CHECK(check_file(path, 4242));
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  REQUIRE(::chown(inner.c_str(), 4242, 0) == 0);
  CHECK_MENTIONS(refusal(), "lies in " + inner + ", which belongs to user 4242");
}

TEST_CASE("a link is no way around that, and is not what is loaded") {
  const auto dir = base::TempDir::create();
  REQUIRE(dir);
  const std::string safe = dir->path() + "/safe.so", open = dir->path() + "/open";
  const std::string link = open + "/plugin.so";
  const auto self = base::read_file("/proc/self/exe", 512 << 20);
  REQUIRE(self);
  REQUIRE(base::write_file_atomic(safe, *self, 0644));
  REQUIRE(base::make_directories(open));
  REQUIRE(::symlink(safe.c_str(), link.c_str()) == 0);
  const auto whole = std::filesystem::canonical(safe);
  const auto found = find_plugins({.configured = {open}, .environment = {}, .installed = {}});
  REQUIRE(found.size() == 1);
  CHECK_FALSE(found.front().refused);
  CHECK(found.front().path == whole);
  REQUIRE(::chmod(open.c_str(), 0777) == 0);
  auto checked = check_file(link);
  REQUIRE_FALSE(checked);
  CHECK_MENTIONS(checked.error().message(), "which is writable by everybody");
  REQUIRE(::chmod(open.c_str(), 0755) == 0);
  if (::geteuid() != 0) return;
  REQUIRE(::lchown(link.c_str(), 4242, 4242) == 0);
  checked = check_file(link);
  REQUIRE_FALSE(checked);
  CHECK_MENTIONS(checked.error().message(), "is a link of user 4242");
}

TEST_CASE("one file reached twice is one plugin, and a missing directory is none") {
  const auto dir = base::TempDir::create();
  REQUIRE(dir);
  REQUIRE(base::write_file_atomic(dir->path() + "/a.so", "x"));
  const auto found = find_plugins({.configured = {dir->path(), dir->path() + "/nowhere"},
                                   .environment = dir->path() + "::/nonexistent",
                                   .installed = dir->path()});
  CHECK(found.size() == 1);
}

}  // namespace
}  // namespace fcvm::plugin
