// Exports nothing.
namespace {
[[maybe_unused]] int nothing = 0;
}
