#!/bin/sh
# Runs the real NetworkManager with the connections in DIR/connections in namespaces of its own, where the machine's network is not:
# unshare -n -m -p -f --mount-proc sh networkmanager.sh DIR. DIR/cards has "name MAC" of each network card to make, DIR/active what is to become
# active. Writes what is active to DIR/is-active, and prints the settings of every connection.
set -e
dir=$1
mount -t tmpfs tmpfs /run
mount -t sysfs -o ro sysfs /sys # NetworkManager then does without udev
mkdir -p /run/dbus
cat >"$dir/bus.conf" <<X
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
X
dbus-daemon --config-file="$dir/bus.conf" --fork
while read -r name mac; do
	ip link add "$name" address "$mac" type veth peer name "far-$name"
	ip link set "far-$name" up
done <"$dir/cards"
cat >"$dir/NetworkManager.conf" <<X
[main]
plugins=keyfile
no-auto-default=*
auth-polkit=false
dns=none
rc-manager=unmanaged
[keyfile]
path=$dir/connections
unmanaged-devices=interface-name:far-*,interface-name:lo
X
NetworkManager --debug --config "$dir/NetworkManager.conf" --config-dir "$dir/none" --system-config-dir "$dir/none" \
	--intern-config "$dir/intern.conf" --state-file "$dir/state" >"$dir/log" 2>&1 &
active() { nmcli -t -f NAME,DEVICE connection show --active 2>/dev/null | grep '^laas-wire' | sort; }
for _ in $(seq 300); do # what does not answer yet has no active connections either
	[ "$(nmcli -t -f RUNNING general 2>/dev/null)" != running ] || break
	sleep 0.1
done
for _ in $(seq 300); do
	[ "$(active)" != "$(cat "$dir/active")" ] || break
	sleep 0.1
done
active >"$dir/is-active" || true
for uuid in $(nmcli -g UUID connection show); do
	nmcli -t -f all connection show "$uuid"
	echo
done
