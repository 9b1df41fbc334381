#!/bin/sh
# The Debian package in a clean Debian 12: deb_test.sh PACKAGE.deb. It installs with what it depends
# on, its service file is sound, the daemon gets ready with the account and the capabilities that
# the service gives it, and a purge leaves nothing but the account. Needs root and a Debian mirror.
set -eu
package=$(readlink -f "$1")
root=$(mktemp -d /tmp/vipgate-deb.XXXXXX)
log=$(mktemp /tmp/vipgate-deb-log.XXXXXX)
netns=vipgate-deb-$$
cleanup() {
  ip netns del "$netns" 2>/dev/null || true
  for part in proc sys; do
    if mountpoint -q "$root/$part"; then umount "$root/$part"; fi
  done
  rm -rf --one-file-system "$root" "$log"
}
trap cleanup EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }
# What a command says is of interest when it fails.
quietly() {
  "$@" >"$log" 2>&1 || { cat "$log"; fail "$1"; }
}
inside() { chroot "$root" /usr/bin/env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }

echo "== lintian: no error"
lintian --allow-root --fail-on error "$package"

echo "== a clean Debian 12"
mirror=$(sed -n 's/^deb \([^ ]*\) bookworm main.*/\1/p; s/^URIs: *//p' /etc/apt/sources.list \
  /etc/apt/sources.list.d/* 2>/dev/null | head -1)
quietly debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}"
chmod 0755 "$root"
rm -f "$root/etc/apt/sources.list"
cp -r /etc/apt/apt.conf.d /etc/apt/sources.list* "$root/etc/apt/"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
cp "$package" "$root/tmp/vipgate.deb"
quietly inside apt-get update -q
quietly inside apt-get install -y -q --no-install-recommends /tmp/vipgate.deb

echo "== the account, its files, the service"
inside id vipgate
[ "$(inside stat -c '%U %a' /var/lib/vipgate)" = "vipgate 750" ] || fail "/var/lib/vipgate"
[ "$(inside stat -c '%U:%G %a' /etc/vipgate/vipgated.yaml)" = "root:vipgate 640" ] ||
  fail "/etc/vipgate/vipgated.yaml"
inside systemd-analyze verify --man=no /lib/systemd/system/vipgated.service
inside vipgated --version
inside vipgated --check --config /etc/vipgate/vipgated.yaml
for page in man8/vipgated.8 man1/vipctl.1; do
  inside test -s "/usr/share/man/$page.gz" || fail "no manual: $page"
done

echo "== it gets ready with what the service gives it"
mkdir -p "$root/dev/net"
mknod -m 0666 "$root/dev/net/tun" c 10 200
ip netns add "$netns"
ip -n "$netns" link set lo up
cat >"$root/etc/vipgate/vipgated.yaml" <<CONFIG
control: { cpus: [0] }
workers: { cpus: [1] }
ports: [{ name: edge, device: "net_tap0,iface=vg0", addresses: [10.9.0.2/24], kernel: true }]
dns: { listen: [10.9.0.53], zones: [{ name: mesos }] }
rest: { listen: ["127.0.0.1:8080"] }
CONFIG
python3 "$(dirname "$0")/service_in_root.py" "$root" "$netns"

echo "== a purge leaves nothing"
quietly inside apt-get purge -y -q vipgate
left=$(cd "$root" && find etc/vipgate etc/default/vipgated var/lib/vipgate usr/share/doc/vipgate \
  usr/sbin/vipgated lib/systemd/system/vipgated.service 2>/dev/null || true)
[ -z "$left" ] || fail "left behind: $left"
echo "passed"
