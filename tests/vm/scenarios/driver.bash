# The VMM plugin by its verbs, without the rest of fcvm: what the scenarios of snapshots and balloons
# share; sourced after machine.sh.

guest=$FCVM_DATA_DIR/guests/current
vms=$scratch/vms
snap=$scratch/snap
truncate -s 64M "$scratch/disk.img"
driver() {
  vmm_driver --plugin "$FCVM_BUILD/lib/fcvm/plugins/vmm.$FCVM_RUN_VMM.so" \
    --kernel "$guest/vmlinuz" --kernel-elf "$guest/vmlinux" --initrd "$guest/initrd" \
    --disk "base=$guest/base.ext4:ro" --disk "disk=$scratch/disk.img" --memory 256 --seconds 200 "$@"
}
# told VERB NUMBER FILTER: what jq finds in the NUMBERth line that the driver printed for this verb.
told() { jq -rs "[.[] | select(.verb == \"$1\")][$2] | $3" <<<"$out"; }
