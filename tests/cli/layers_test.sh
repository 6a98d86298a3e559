# The dependency rule between the parts holds, and breaking it breaks the build.
. "$(dirname "$0")/../support/assert.sh"

layers=$FCVM_SOURCE/packaging/cmake
check_tree() { run cmake -DROOT="$1" "-DLAYERS=core/base:plugin-api;core/config:core/base plugin-api" -P "$layers/CheckLayers.cmake"; }

mkdir -p "$scratch/good/core/base" "$scratch/good/core/config"
echo '#include "core/base/io/fd.hpp"' >"$scratch/good/core/config/a.cpp"
check_tree "$scratch/good"
check "an allowed include passes" test "$rc" -eq 0

cp -r "$scratch/good" "$scratch/upwards"
echo '#include "core/config/a.hpp"' >"$scratch/upwards/core/base/b.cpp"
check_tree "$scratch/upwards"
check "an include against the layers fails" test "$rc" -ne 0
check "and names both parts" contains "$err" "core/base may not use"

cp -r "$scratch/good" "$scratch/climbing"
echo '#include "../config/a.hpp"' >"$scratch/climbing/core/base/b.cpp"
check_tree "$scratch/climbing"
check "an include that climbs fails" test "$rc" -ne 0

# fcvm_part() refuses a link that the table does not allow.
mkdir "$scratch/link"
cat >"$scratch/link/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.25)
project(probe CXX)
add_library(fcvm_flags INTERFACE)
include("$layers/FcvmLayers.cmake")
file(WRITE a.cpp "int a;")
fcvm_part(core/base SOURCES a.cpp USES core/vm)
CMAKE
run cmake -S "$scratch/link" -B "$scratch/link/build"
check "a link against the layers does not configure" test "$rc" -ne 0
check "and says why" contains "$err" "core/base may not use core/vm"

run cmake -DROOT="$FCVM_SOURCE" "-DLAYERS=$(sed -n '/^set(FCVM_LAYERS/,/^)/s/^ *"\(.*\)"$/\1/p' "$layers/FcvmLayers.cmake" | paste -sd';')" -P "$layers/CheckLayers.cmake"
check "this tree keeps to its own layers" test "$rc" -eq 0
finish
