# scenario: the container finds its name, id, labels and environment at 169.254.169.254
# vmm: firecracker
. "$(dirname "$0")/../machine.sh"

# In the container: the whole of an answer's body is its last line. A request is held open, since the
# service takes its end for the end of the connection.
cat >"$scratch/ask.sh" <<'END'
ask() { { printf '%s\r\n' "$@" 'Host: 169.254.169.254' ''; sleep 2; } | timeout 20 nc 169.254.169.254 80 | tail -n 1; }
token=$(ask 'PUT /latest/api/token HTTP/1.1' 'X-metadata-token-ttl-seconds: 600')
for path in name id labels/tier environment/GREETING; do
  echo "$path=$(ask "GET /$path HTTP/1.1" "X-metadata-token: $token")"
done
echo "refused=$(ask 'GET /name HTTP/1.1')"
END
name=$(named told)
run env FCVM_PATHS_PLUGIN_DIRS=/rig/tests/plugins "$FCVM" run --metadata-env --cpus 1 --memory 512M --network tap \
  --name "$name" --cidfile "$scratch/cid" --label tier=front -e GREETING='good day' \
  fcvm/hello sh -c "$(cat "$scratch/ask.sh")"
check "a container with a network runs" test "$rc" -eq 0
check "it is told its name" grep -qx "name=$name" <<<"$out"
check "its id" grep -qx "id=$(cat "$scratch/cid")" <<<"$out"
check "its labels" grep -qx "labels/tier=front" <<<"$out"
check "and its environment" grep -qx "environment/GREETING=good day" <<<"$out"
check "but not without a token" test "$(grep -c "^refused=$name" <<<"$out")" -eq 0
run "$FCVM" rm "$name"
check "nothing is left" nothing_left "$name"
finish
