# Boots the machine and brings back what its scenarios said. Sourced by rig; ends it.
#
# Nothing of a run outlives it but the logs: QEMU dies with this shell, and the machine's own disk has
# no name unless it is to be kept.

kept_runs=10
# Longer, in seconds, than a scenario may take (stage.sh); a machine whose emulated CPU hangs is silent
# for ever.
longest_silence=400

# What this run leaves: output.log (what was streamed), console.log (the machine's kernel;
# console.died.log of a boot before), qemu.log, result, and guest/, what fcvm and its VMs logged in there.
open_logs() {
  if [ -z "$logs" ]; then
    local runs=$rig_cache/runs
    mkdir -p "$runs"
    find "$runs" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn |
      tail -n +$kept_runs | cut -d ' ' -f 2- | xargs -r -d '\n' rm -rf
    logs=$(mktemp -d "$runs/$(date +%Y%m%d-%H%M%S)-${wanted[0]:-shell}-$vmm.XXXX")
  fi
  mkdir -p "$logs"
  logs=$(cd "$logs" && pwd)
  rm -rf "$logs"/{output.log,console.log,console.died.log,qemu.log,result,guest.tar,guest}
}

# The machine's own disk, where fcvm keeps VMs and snapshots.
open_scratch() {
  rm -f "$logs/scratch.ext4"
  truncate -s 24G "$logs/scratch.ext4"
  mke2fs -q -F -t ext4 -O ^has_journal -m 0 -E lazy_itable_init=1,nodiscard "$logs/scratch.ext4" ||
    die "making the machine's disk $logs/scratch.ext4 failed"
  exec 5<>"$logs/scratch.ext4"
  [ $keep = yes ] || rm "$logs/scratch.ext4"
}

# Those that were asked for; of all, those that are for this VMM.
scenario_list() {
  local name only list=()
  for name in "${wanted[@]}"; do
    [ "$name" = all ] || list+=("$name")
  done
  if [[ " ${wanted[*]} " == *" all "* ]]; then
    for name in $(scenarios); do
      only=$(told "$name" vmm)
      if [ -z "$only" ] || [ "$only" = "$vmm" ]; then list+=("$name"); fi
    done
  fi
  (IFS=,; echo "${list[*]}")
}

# The kernel's words. A timer that goes on by itself (highres=off nohz=off): TCG now and then loses an
# interrupt as the CPU enters a guest, and with a timer that is set anew at each interrupt that would be
# the CPU's last one.
# Its clock is the emulated TSC, which keeps the host's time (tsc=reliable): by the ticks that a busy host
# holds up, the kernel would take it for broken, and its seconds would be any length.
kernel_words() {
  echo "console=ttyS0 quiet panic=-1 reboot=t mitigations=off cryptomgr.notests i8042.noaux" \
    "i8042.nokbd highres=off nohz=off tsc=reliable rig.terminal=$1 rig.vmm=$vmm rig.tries=$tries" \
    "rig.run=$(scenario_list)"
}

# Sets `machine`: QEMU's words.
describe_machine() {
  local port=virtserialport,bus=channels.0 number=0 disk terminal=
  if [ $shell = yes ]; then terminal=$(stty size 2>/dev/null | tr ' ' ,) || terminal=; fi
  machine=(qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot
    -M "q35,usb=off,vmport=off,smbus=off,sata=off,graphics=off,smm=off,hpet=off"
    -accel tcg,thread=multi,tb-size=1024 -cpu max,+svm,+npt,-la57 -smp "$cpus" -m "$mem"
    -kernel "$debian/vmlinuz" -initrd "$debian/initrd"
    -append "$(kernel_words "$terminal")"
    -serial "file:$logs/console.log" -object rng-random,id=entropy,filename=/dev/urandom
    -device virtio-rng-pci,rng=entropy,addr=0x8 -device virtio-serial-pci,id=channels,addr=0x9)
  # In this order: vda is the root, vdb the build, vdc the guest, vdd its own.
  for disk in 6 7 4; do
    machine+=(-drive "if=none,id=disk$number,format=raw,file=/dev/fd/$disk,readonly=on,file.locking=off"
      -device "virtio-blk-pci,drive=disk$number,addr=0x$((number + 2))")
    number=$((number + 1))
  done
  machine+=(-drive "if=none,id=own,format=raw,file=/dev/fd/5,cache=unsafe,discard=unmap,file.locking=off"
    -device virtio-blk-pci,drive=own,addr=0x5
    -chardev "file,id=result,path=$logs/result" -device "$port,chardev=result,name=result"
    -chardev "file,id=logs,path=$logs/guest.tar" -device "$port,chardev=logs,name=logs")
  if [ $shell = yes ]; then
    machine+=(-chardev stdio,id=shell,signal=off -device virtconsole,bus=channels.0,chardev=shell)
  else
    machine+=(-chardev "file,id=output,path=$logs/output.log"
      -device "$port,chardev=output,name=output")
  fi
}

# Ends the machine when it has said nothing for too long.
watch_silence() {
  while sleep 5 && kill -0 "$1" 2>/dev/null; do
    [ $(($(date +%s) - $(stat -c %Y "$logs/output.log"))) -ge "$longest_silence" ] || continue
    say "it has said nothing for $longest_silence s"
    kill -TERM "$1"
    return
  done
}

# Ends by itself, with the machine; $1 is stdin.
run_machine() {
  local dying=(setpriv --pdeathsig KILL)
  : >"$logs/output.log"
  "${dying[@]}" timeout -k 5 --foreground "$limit" "${dying[@]}" "${machine[@]}" \
    <"$1" 2>"$logs/qemu.log" &
  qemu=$!
  trap 'kill -TERM $qemu 2>/dev/null || true; wait $qemu || true; exit 130' INT TERM HUP
  local follower='' watcher=''
  if [ $shell = no ]; then
    watch_silence $qemu &
    watcher=$!
    tail -n +1 -F -s 0.1 --pid=$qemu "$logs/output.log" 2>/dev/null &
    follower=$!
  fi
  rc=0
  wait $qemu || rc=$?
  [ -z "$watcher" ] || kill $watcher 2>/dev/null || true
  [ -z "$follower" ] || wait $follower || true
  trap - INT TERM HUP
}

# One boot of it. 1 when the machine died before it had a result.
boot_once() {
  open_scratch
  describe_machine
  local begin=$SECONDS
  if [ $shell = yes ]; then run_machine /dev/stdin; else run_machine /dev/null; fi
  if [ -s "$logs/guest.tar" ]; then
    mkdir -p "$logs/guest"
    tar -C "$logs/guest" -xf "$logs/guest.tar" --no-same-owner || say "its logs are cut short"
    rm -f "$logs/guest.tar"
  fi
  if [ $rc -ne 0 ] && [ $((SECONDS - begin)) -ge "$limit" ]; then
    say "it did not end within $limit s; the logs are in $logs"
    exit 124
  fi
  if [ $rc -ne 0 ]; then
    died="QEMU ended with $rc: $(tail -n 3 "$logs/qemu.log")"
    return 1
  fi
  [ $shell = no ] || exit 0
  died="the machine ended without a result; its console ends with:
$(tail -n 5 "$logs/console.log")"
  [[ $(cat "$logs/result" 2>/dev/null) =~ ^[0-9]+$ ]]
}

# A scenario that fails is tried again in the machine; this is for when the emulated CPU has brought
# down the machine itself.
boot_machine() {
  open_logs
  # Before the lock is gone, after which another rig may prune them.
  exec 6<"$debian/root.ext4" 7<"$build_disk" 4<"$guest_disk" 8>&-
  say "booting; the logs go to $logs"
  local begin=$SECONDS left=$tries died
  until boot_once; do
    left=$((left - 1))
    [ $left -gt 0 ] && [ $shell = no ] || die "$died"
    mv -f "$logs/console.log" "$logs/console.died.log"
    rm -f "$logs"/{output.log,result}
    say "$died"
    say "once more, for the emulated CPU may have failed"
  done
  say "done in $((SECONDS - begin)) s; the logs are in $logs"
  exit "$(cat "$logs/result")"
}
