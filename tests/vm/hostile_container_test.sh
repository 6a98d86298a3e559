# A container against its guest: an ordinary one, as `fcvm run` makes it, whose first process does
# what it can to each command that `fcvm exec` starts beside it; see tests/support/container_thief.cpp.
. "$(dirname "$0")/machine.sh"
. "$FCVM_SOURCE/tests/support/image.sh"

image=$scratch/thief.tar
hello_tree "$scratch/tree"
cp "$FCVM_BUILD/tests/container_thief" "$scratch/tree/bin/"
make_image "$image" localhost/fcvm/thief:latest "$scratch/tree"

victim=$(named victim)
run vm -d --name "$victim" "docker-archive:$image" container_thief
check "the hostile container runs" test "$rc" -eq 0
logs_of() { "$FCVM" logs "$victim"; }
says() { contains "$(logs_of)" "$1"; }
check "and has begun" wait_for 30 says begun

# Into the agent's memory, and kept there by a command that stays.
"$FCVM" exec --vm -e SECRET=FCVM_SECRET_OF_THE_GUEST "$victim" sleep 100000 2>/dev/null &
keeper=$!
sleep 2
wrong=0
for i in $(seq 40); do
  for j in 1 2 3; do
    "$FCVM" exec "$victim" "no-such-program-$i-$j" 2>/dev/null
    [ $? -eq 127 ] || wrong=$((wrong + 1))
  done
  for j in 1 2; do
    [ "$("$FCVM" exec "$victim" echo "$i")" = "$i" ] || wrong=$((wrong + 1))
  done
done
check "200 commands do what they should, under its eyes" test "$wrong" -eq 0
logs_of >"$scratch/log"
saw=$(grep -o 'saw [0-9]*' "$scratch/log" | tail -1 | cut -d ' ' -f 2)
check "it saw most of them come" test "${saw:-0}" -ge 100
check "and of the agent nothing" test "$(grep -c FOUND "$scratch/log")" -eq 0
grep FOUND "$scratch/log" | head -20
kill $keeper 2>/dev/null
wait $keeper 2>/dev/null

# --- it stops every new process ---
"$FCVM" kill -s USR1 "$victim" >/dev/null
sleep 1
# One that was executed before it could be stopped waits as a stopped program does: not every one is
# caught on its way.
caught=""
for i in 1 2 3 4 5; do
  timeout -k 5 30 "$FCVM" exec "$victim" "no-such-program-$i" 2>"$scratch/stuck.err" &
  stuck=$!
  sleep 1
  run timeout 20 "$FCVM" exec --vm "$victim" echo "alive $i"
  check "the guest is there all the while" test "$rc:$out" = "0:alive $i"
  wait $stuck
  [ $? -eq 125 ] && caught=$(cat "$scratch/stuck.err") && break
done
check "a command that is stopped on its way fails" contains "$caught" "was not under way in time"
for i in 1 2 3 4 5; do
  "$FCVM" exec "$victim" "no-such-program-$i" 2>/dev/null &
  stuck=$!
  sleep 2
  kill -TERM $stuck
  begun=$SECONDS
  wait $stuck
  code=$?
  [ $code -eq 143 ] && break
done
check "its client ends by SIGTERM" test "$code" -eq 143
check "at once" test $((SECONDS - begun)) -lt 6
run timeout 60 "$FCVM" stop --time 20 "$victim"
check "the VM stops in order" test "$rc" -eq 0
check "with the code of its container" test \
  "$("$FCVM" inspect --format '{{.State.ExitCode}}' "$victim")" = 0
"$FCVM" rm -f "$victim" >/dev/null
check "nothing is left" nothing_left "$victim"
finish
