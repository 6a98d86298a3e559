#!/usr/bin/env bash
# The table that the fake checks requests against is what Firecracker's own descriptions say. They
# lie in FCVM_FIRECRACKER_API, or in shared/firecracker-api beside or above the checkout.
. "$FCVM_SOURCE/tests/support/assert.sh"
fake="$FCVM_SOURCE/tests/support/fake_firecracker"

descriptions=
for candidate in "${FCVM_FIRECRACKER_API-}" "$FCVM_SOURCE/../shared/firecracker-api" \
                 "$FCVM_SOURCE/../../shared/firecracker-api"; do
  [ -n "$candidate" ] && [ -d "$candidate" ] && descriptions=$candidate && break
done
python=
for candidate in python3 /usr/bin/python3; do
  "$candidate" -c 'import yaml' 2>/dev/null && python=$candidate && break
done
if [ -z "$descriptions" ] || [ -z "$python" ]; then
  echo "skipped: needs Firecracker's API descriptions (FCVM_FIRECRACKER_API) and python3-yaml"
  exit 77
fi

run "$python" "$fake/derive_table.py" "$descriptions"
check "the table can be derived" [ "$rc" -eq 0 ]
check "the table is as the descriptions say" diff "$scratch/out" "$fake/api.json"
finish
