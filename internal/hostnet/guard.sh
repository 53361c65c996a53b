#!/bin/sh
# The lab's network guard, run at boot: guard SECONDS. Unless the lab takes the file "armed" away within that time, after it has reached this
# host on its new network, the host's former network configuration comes back, and the host restarts with it. A directory of its own holds all
# that is needed; what happened is left there in "note". It may be interrupted at any point: the next boot goes on.
set -u
root=${LAAS_ROOT:-}
dir=$root/etc/laas-network
system=$root/etc/systemd/system

if [ ! -e "$dir/returning" ]; then
	# By counting, not by the clock: a clock is set while a host starts.
	left=$1
	while [ "$left" -gt 0 ] && [ -e "$dir/armed" ]; do
		sleep 1
		left=$((left - 1))
	done
	# One of two wins: this, or the lab that takes it away.
	mv "$dir/armed" "$dir/returning" 2>/dev/null || exit 0
	{
		echo "returned to the former network after $1 s without the lab's confirmation, $(date -u +%Y-%m-%dT%H:%M:%SZ)"
		ip -br link
		ip -br address
		ip route
	} >"$dir/note" 2>&1
fi

# "new" is what the lab wrote, "old" what was there before, and is gone for good only when it is back in its place.
if [ -e "$dir/new" ]; then
	while IFS= read -r file; do rm -f "$root$file"; done <"$dir/new"
	rm -f "$dir/new"
fi
if [ -d "$dir/old" ]; then
	(cd "$dir/old" && find . ! -type d) | while IFS= read -r file; do
		file=${file#.}
		mkdir -p "$root${file%/*}"
		mv -f "$dir/old$file" "$root$file"
	done
fi
rm -f "$system/multi-user.target.d/laas-network-guard.conf" "$system/laas-network-guard.service"
rmdir "$system/multi-user.target.d" 2>/dev/null
rm -rf "$dir/old" "$dir/saved" "$dir/guard"
sync
rm -f "$dir/returning"
systemctl --no-block reboot
