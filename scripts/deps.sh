#!/bin/bash
# Installs what building and testing need: Debian 12 packages, and only those that are missing. Quick when all are
# there. Without root it says which are missing and the one command that installs them.
#
# No system service is left running or enabled that was not before: policy-rc.d keeps maintainer scripts from starting
# one, and what they enabled is disabled again.
set -euo pipefail

packages=(
    build-essential pkg-config meson ninja-build
    nginx nginx-dev libssl-dev libjansson-dev libmicrohttpd-dev libsqlite3-dev libpq-dev libargon2-dev
    libyaml-dev libarchive-dev libldap-dev unixodbc-dev libcrypt-dev
    slapd ldap-utils odbc-postgresql libsqliteodbc # the other ends of identity providers, for tests
    postgresql # its server: tests start one of their own
    libcurl4-gnutls-dev
    libcmocka-dev clang libclang-rt-14-dev clang-format clang-tidy cppcheck valgrind
    python3 python3-yaml python3-pytest python3-pytest-xdist python3-requests python3-cryptography python3-websockets
    python3-hypothesis python3-h2 python3-jsonschema openapi-specification
    python3-authlib python3-requests-oauthlib python3-jwcrypto haproxy # other people's clients and verifiers
    curl jq openssl procps wrk
)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "This needs Debian 12 (bookworm) with these packages: ${packages[*]}" >&2
    exit 1
fi

installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null | sed -n 's/ installed$//p' || true)
missing=()
for package in "${packages[@]}"; do
    grep -qx -- "$package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are missing: ${missing[*]}" >&2
    echo "Install them with:" >&2
    echo "    sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    echo "or run \`sudo make deps\`, which in addition leaves no system service (nginx) running or enabled." >&2
    exit 1
fi

policy=/usr/sbin/policy-rc.d
saved=$policy.before-tollgate
before=$(mktemp)
log=$(mktemp)

enabled_services() {
    find /etc/systemd/system -path '*.wants/*' 2>/dev/null || true
    find /etc/rc[2-5].d -name 'S*' 2>/dev/null || true
}

disable_new_services() {
    local link name
    enabled_services | sort | comm -13 "$before" - | while read -r link; do
        case $link in
        /etc/rc*)
            name=$(basename "$link" | sed 's/^S[0-9]*//')
            update-rc.d "$name" disable >/dev/null 2>&1 || true
            ;;
        *)
            rm -f "$link"
            ;;
        esac
    done
}

finish() {
    rm -f "$policy"
    if [ -e "$saved" ] || [ -L "$saved" ]; then
        mv "$saved" "$policy"
    fi
    disable_new_services
    rm -f "$before" "$log"
}

enabled_services | sort >"$before"
trap finish EXIT
trap 'exit 130' INT TERM HUP
if [ ! -e "$saved" ] && { [ -e "$policy" ] || [ -L "$policy" ]; }; then
    mv "$policy" "$saved"
fi
printf '#!/bin/sh\nexit 101\n' >"$policy" # 101: not allowed
chmod 755 "$policy"

echo "installing ${missing[*]} ..."
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 25 "$log" >&2
    echo "Installing failed. The command was: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
