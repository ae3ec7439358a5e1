#!/bin/sh
# Installs what interop and bench run with: Tomcat 10.1 with its JDK, httpd with
# mod_jk, haproxy, wrk, ip, nft, logrotate and systemd-analyze, and the C
# compiler that Go's race detector links with. Debian or a descendant of it, as
# root. No service is started. Does nothing when all of them are there.
set -eu

packages="tomcat10 apache2 openssl libapache2-mod-jk openjdk-17-jdk-headless haproxy wrk iproute2 logrotate nftables systemd gcc libc6-dev"

fail() {
	echo "install-peers: $*" >&2
	exit 1
}

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
	fail "no apt here: install by hand: $packages"

missing=""
for package in $packages; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=absent
	[ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
	exit 0
fi
[ "$(id -u)" = 0 ] || fail "missing:$missing; run this as root"

# While policy-rc.d answers 101 no package starts its service. Whatever was
# there before comes back at the end, however that is reached.
policy=/usr/sbin/policy-rc.d
saved=""
if [ -e "$policy" ] || [ -L "$policy" ]; then
	saved=$(mktemp -d /usr/sbin/policy-rc.d.XXXXXX) || fail "cannot keep $policy"
	mv "$policy" "$saved/kept" || fail "cannot keep $policy"
fi
restore() {
	rm -f "$policy"
	if [ -n "$saved" ]; then
		mv "$saved/kept" "$policy"
		rmdir "$saved"
	fi
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
printf '#!/bin/sh\nexit 101\n' >"$policy" || fail "cannot write $policy"
chmod 755 "$policy"

echo "install-peers: installing$missing"
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
apt-get update || fail "apt-get update did not work: is there a network, and are the package sources right?"
# shellcheck disable=SC2086 # a list of names
apt-get install -y --no-install-recommends $missing ||
	fail "apt-get could not install:$missing; the lines above say why"
for file in /usr/sbin/apache2 /usr/lib/apache2/modules/mod_jk.so /usr/share/tomcat10/bin/bootstrap.jar; do
	[ -e "$file" ] || fail "$file is still missing"
done
