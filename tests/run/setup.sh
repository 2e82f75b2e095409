# Sourced by ./run: says what happens, and installs the Debian packages that are missing.

# No assumption on the caller's environment: messages in one language, a home for the compiler cache.
export LC_ALL=C.UTF-8
: "${HOME:=$(getent passwd "$(id -u)" | cut -d: -f6)}"
if [[ ! -d $HOME || ! -w $HOME ]]; then HOME=$PWD/build/home && mkdir -p "$HOME"; fi
export HOME

if [[ -t 1 ]]; then bold=$'\e[1m' red=$'\e[31m' yellow=$'\e[33m' plain=$'\e[0m'; else bold='' red='' yellow='' plain=''; fi

say() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
die() {
  printf '%srun: %s%s\n' "$red" "$*" "$plain" >&2
  exit 2
}

# The packages of some sections of packages.txt, one a line, each once.
packages_of() {
  awk -v wanted=" $* " '
    { sub(/#.*/, ""); gsub(/[ \t\r]/, "") }
    /^\[.*\]$/ { use = index(wanted, " " substr($0, 2, length($0) - 2) " ") > 0; next }
    use && $0 != "" && !seen[$0]++ { print }' packages.txt
}

missing_of() {
  local installed
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' 2>/dev/null | awk '$2 == "installed" { print $1 }')
  grep -vxF -f <(printf '%s\n' "$installed") || true
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root, and there is no sudo; as root: $*"
  fi
}

# Servers that the tests start by themselves (nginx, knot, mosquitto) are not to run on this machine because they were
# installed: Debian asks this program. One that is there already is left alone.
starts_of_services=/usr/sbin/policy-rc.d
forbid_starts_of_services() {
  if [[ -e $starts_of_services ]]; then return; fi
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$starts_of_services" >/dev/null
  as_root chmod 755 "$starts_of_services"
  trap allow_starts_of_services EXIT
}
allow_starts_of_services() {
  trap - EXIT
  as_root rm -f "$starts_of_services"
}

# install_packages SECTION...: what these sections of packages.txt list and this machine lacks.
install_packages() {
  if [[ ${SPIDERLING_SKIP_SETUP-} == 1 ]]; then return; fi
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    die "this is no Debian system: install what packages.txt lists ($*) by hand, then run again with SPIDERLING_SKIP_SETUP=1"
  fi
  local missing
  mapfile -t missing < <(packages_of "$@" | missing_of)
  ((${#missing[@]})) || return 0
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  forbid_starts_of_services
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
  local install=("${apt[@]}" install -y -q --no-install-recommends "${missing[@]}")
  # The package lists of a bare machine are empty or old: fetched only if the install cannot go on without.
  if ! "${apt[@]}" install --simulate -q --no-install-recommends "${missing[@]}" >/dev/null 2>&1; then
    as_root "${apt[@]}" update -q
    as_root "${install[@]}" </dev/null || die "apt-get could not install: ${missing[*]}"
  elif ! as_root "${install[@]}" </dev/null; then
    as_root "${apt[@]}" update -q
    as_root "${install[@]}" </dev/null || die "apt-get could not install: ${missing[*]}"
  fi
  if [[ -n $(trap -p EXIT) ]]; then allow_starts_of_services; fi
}
