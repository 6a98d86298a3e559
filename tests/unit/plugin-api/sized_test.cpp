// Structs of another size than ours: what an older and a newer other side look like.
#include <fcvm/sdk/sized.hpp>

#include "tests/support/catch.hpp"

namespace fcvm {
namespace {

// One struct as three releases know it.
struct Old {
  std::uint32_t size;
  std::uint32_t first;
};
struct Now {
  std::uint32_t size;
  std::uint32_t first;
  std::uint64_t second;
};
struct New {
  std::uint32_t size;
  std::uint32_t first;
  std::uint64_t second;
  std::uint64_t third;
};

template <typename To, typename From>
const To* as(const From& from) {
  return reinterpret_cast<const To*>(&from);
}

TEST_CASE("a struct from an older side leaves the newer fields zero") {
  const Old old{sizeof(Old), 7};
  const Now copy = sized_copy(as<Now>(old));
  CHECK(copy.first == 7);
  CHECK(copy.second == 0);
  CHECK(copy.size == sizeof(Now));
}

TEST_CASE("a struct from a newer side is read as far as we know it") {
  const New fresh{sizeof(New), 7, 8, 9};
  const Now copy = sized_copy(as<Now>(fresh));
  CHECK(copy.first == 7);
  CHECK(copy.second == 8);
  CHECK(copy.size == sizeof(Now));
}

TEST_CASE("no struct, or one that claims no size, is a zeroed one") {
  CHECK(sized_copy<Now>(nullptr).second == 0);
  const Now sizeless{0, 7, 8};
  CHECK(sized_copy(&sizeless).first == 0);
}

TEST_CASE("an older side's out parameter is not written past its end") {
  struct {
    Old out;
    std::uint64_t after;
  } place{{sizeof(Old), 0}, 42};
  sized_assign(reinterpret_cast<Now*>(&place.out), Now{sizeof(Now), 7, 8});
  CHECK(place.out.first == 7);
  CHECK(place.out.size == sizeof(Old));
  CHECK(place.after == 42);
}

TEST_CASE("a newer side's out parameter keeps what we do not know") {
  New out{sizeof(New), 0, 0, 9};
  sized_assign(reinterpret_cast<Now*>(&out), Now{sizeof(Now), 7, 8});
  CHECK(out.second == 8);
  CHECK(out.third == 9);
  CHECK(out.size == sizeof(New));
}

TEST_CASE("elements are reached through pointers, so each has its own size") {
  const Old old{sizeof(Old), 1};
  const New fresh{sizeof(New), 2, 3, 4};
  const Now* const items[] = {as<Now>(old), as<Now>(fresh)};
  const auto copies = sized_elements(items, 2);
  REQUIRE(copies.size() == 2);
  CHECK(copies[0].second == 0);
  CHECK(copies[1].second == 3);
  CHECK(sized_elements<Now>(nullptr, 0).empty());
}

TEST_CASE("text that does not fit is cut and said to be") {
  char field[4];
  CHECK(put_text(field, "abc"));
  CHECK(text_of(field) == "abc");
  CHECK_FALSE(put_text(field, "abcd"));
  CHECK(text_of(field) == "abc");
  std::memcpy(field, "wxyz", 4);
  CHECK(text_of(field) == "wxyz");
}

TEST_CASE("an error survives the crossing, in a struct of any size") {
  auto error = sized<fcvm_error>();
  CHECK(put_error(&error, Error(EBUSY, "attaching tap0: busy", "remove tap0")) == -EBUSY);
  const Error taken = take_error(-EBUSY, error);
  CHECK(taken.code() == EBUSY);
  CHECK(taken.message() == "attaching tap0: busy");
  CHECK(taken.remedy() == "remove tap0");

  error = sized<fcvm_error>();
  error.size = offsetof(fcvm_error, remedy);  // a side that never heard of remedies
  CHECK(put_error(&error, Error(EBUSY, "busy", "wait")) == -EBUSY);
  CHECK(text_of(error.message) == "busy");
  CHECK(text_of(error.remedy).empty());

  CHECK(put_error(nullptr, Error(EBUSY, "nobody listens")) == -EBUSY);
  CHECK(put_error(nullptr, Error(0, "a failure without a code")) == -EIO);
  CHECK(take_error(-ENOENT, sized<fcvm_error>()).message() == "No such file or directory");
}

}  // namespace
}  // namespace fcvm
