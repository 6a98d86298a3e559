# When a VM is ready, and whether its container is well: gates and health checks in real guests.
. "$(dirname "$0")/machine.sh"

# A gate of somebody else's, built with the SDK alone.
export FCVM_PATHS_PLUGIN_DIRS=$FCVM_BUILD/lib/fcvm/examples

# A server that binds the loopback alone, is slow to come, has the wrong answer at first, and writes
# bytes that are no text.
slow=$(named slow)
server='printf "\000\377 binary\n"
  sleep 1; mkdir -p /www; httpd -p 127.0.0.1:8080 -h /www; echo listening
  sleep 1; echo "all is well" >/www/health; touch /run/up
  while :; do sleep 1; done'
started=$SECONDS
vm -d --name "$slow" --health-cmd 'test -e /run/well' --health-interval 500ms --health-retries 2 \
  --wait-ready 'mode=http,url=http://example.org:8080/health,body=^all (is|looks) well$,status=200' \
  --wait-ready 'mode=log,pattern=^\x00\xff binary$' --wait-ready 'mode=exec,command=test -e /run/up' \
  --wait-ready mode=vsock --wait-ready mode=file-exists,path=/www/health \
  fcvm/hello sh -c "$server" >"$scratch/id" 2>"$scratch/run.err" &
runner=$!
check "it runs while its gates wait" wait_for 120 running "$slow"
run "$FCVM" ls --filter "name=$slow"
if [ ! -s "$scratch/id" ]; then
  check "and ls says that it starts" contains "$out" "(starting)"
fi
wait "$runner"
check "run -d returns once all gates have passed" test $? -eq 0
check "and prints the id" grep -qxE '[0-9a-f]{12}' "$scratch/id"
run "$FCVM" inspect --format '{{.Fcvm.Ready}}' "$slow"
check "inspect says that it is ready" test "$out" = true
run "$FCVM" inspect "$slow"
check "and which gates have passed" \
  test "$(jq '[.[0].Fcvm.Gates[] | select(.Passed)] | length' "$scratch/out")" -eq 5
run "$FCVM" wait --condition ready "$slow"
check "wait --condition ready returns at once" test "$out" = -1
run "$FCVM" events --since 1h --stream=false --filter "container=$slow"
check "events tell of it" contains "$out" ready

check "without its file it turns unhealthy" wait_for 60 "$FCVM" wait --condition unhealthy "$slow"
run "$FCVM" ls --filter "name=$slow"
check "and ls says so" contains "$out" "(unhealthy)"
run "$FCVM" healthcheck run "$slow"
check "healthcheck run agrees" test "$rc-$out" = 1-unhealthy
run "$FCVM" exec "$slow" touch /run/well
run "$FCVM" wait --condition healthy "$slow"
check "with it, it is healthy" test "$rc-$out" = 0--1
run "$FCVM" healthcheck run "$slow"
check "healthcheck run agrees again" test "$rc-$out" = 0-
run "$FCVM" inspect --format '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' "$slow"
check "inspect has podman's words for it" test "$out" = "healthy 0"
run "$FCVM" events --since 1h --stream=false --filter "container=$slow"
check "events tell of each change" test "$(grep -c health_status "$scratch/out")" -ge 2
"$FCVM" rm -f "$slow" >"$scratch/out"

# A server with the wrong status, and one that takes connections and never answers.
never=$(named never)
run vm -d --name "$never" --ready-timeout 4s \
  --wait-ready mode=http,url=http://localhost:8080/missing \
  --wait-ready mode=http,url=http://localhost:8081/,timeout=500ms \
  --wait-ready mode=vsock fcvm/hello sh -c '
    mkdir -p /www; httpd -p 8080 -h /www; nc -lk -p 8081 >/dev/null & echo my last words; sleep 600'
check "run -d fails when not all gates pass in time" test "$rc" -eq 125
check "and prints no id" test -z "$out"
check "it says which gate did not pass" contains "$err" "http://localhost:8080/missing"
check "and what that saw" contains "$err" "HTTP 404"
check "also of the one that was never answered" contains "$err" "http://localhost:8081/"
check "and the end of the log" contains "$err" "my last words"
check "but not of the one that passed" test "$(grep -c mode=vsock <<<"$err")" -eq 0
run "$FCVM" inspect --format '{{.State.Status}}' "$never"
check "the VM is ended" test "$out" = exited
run "$FCVM" logs "$never"
check "and its log is kept" contains "$out" "my last words"
"$FCVM" rm "$never" >"$scratch/out"

# One that ends before it is ready, and in the foreground.
gone=$(named gone)
run vm -d --rm --name "$gone" --wait-ready mode=log,pattern=never fcvm/hello sh -c 'echo bye; exit 3'
check "run -d fails when the container ends before it is ready" test "$rc" -eq 125
check "with its exit code" contains "$err" "exit code 3"
check "and the gate" contains "$err" "mode=log,pattern=never"
check "nothing is left" nothing_left "$slow" "$never" "$gone"
finish
