#!/bin/sh
# Runs the real NetworkManager with a host's files in DIR/etc in namespaces of its own, where the machine's network is not:
# unshare -n -m -p -f --mount-proc sh networkmanager.sh DIR. DIR/cards has "name MAC" of each network card to make, DIR/active what is to become
# active, DIR/main the image's NetworkManager.conf. Where the host has ifupdown's file, the real ifup has its turn first. Writes what is active to DIR/is-active, the
# cards that NetworkManager leaves alone to DIR/left-alone, the state of each card to DIR/cards-are, and prints the settings of every connection.
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
mkdir -p /run/network "$dir/etc/NetworkManager/conf.d" "$dir/etc/NetworkManager/system-connections"
if [ -e "$dir/etc/network/interfaces" ]; then
	mount --bind "$dir/etc/network/interfaces" /etc/network/interfaces
	ifup -a >&2
fi
cat "$dir/main" - >"$dir/NetworkManager.conf" <<X

[main]
auth-polkit=false
dns=none
rc-manager=unmanaged
[keyfile]
path=$dir/etc/NetworkManager/system-connections
unmanaged-devices=interface-name:far-*,interface-name:lo
X
NetworkManager --debug --config "$dir/NetworkManager.conf" --config-dir "$dir/etc/NetworkManager/conf.d" --system-config-dir "$dir/none" \
	--intern-config "$dir/intern.conf" --state-file "$dir/state" >"$dir/log" 2>&1 &
active() { nmcli -t -f NAME,DEVICE connection show --active 2>/dev/null | grep '^laas-wire' | sort; }
for _ in $(seq 300); do # what does not answer yet has no active connections either
	[ "$(nmcli -t -f RUNNING general 2>/dev/null)" != running ] || break
	sleep 0.1
done
for _ in $(seq 300); do # where nothing is to become active, it must have looked at all cards
	[ ! -s "$dir/active" ] && [ "$(nmcli -t -f STARTUP general 2>/dev/null)" != started ] || break
	sleep 0.1
done
for _ in $(seq 300); do
	[ "$(active)" != "$(cat "$dir/active")" ] || break
	sleep 0.1
done
active >"$dir/is-active" || true
nmcli -t -f DEVICE,STATE device | grep -v '^far-\|^lo:' | grep ':unmanaged$' | cut -d: -f1 | sort >"$dir/left-alone" || true
while read -r name _; do
	echo "$name $(cat "/sys/class/net/$name/operstate")"
done <"$dir/cards" >"$dir/cards-are"
for uuid in $(nmcli -g UUID connection show); do
	nmcli -t -f all connection show "$uuid"
	echo
done
