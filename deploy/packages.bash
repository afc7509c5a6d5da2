# shellcheck shell=bash
# Debian packages: what the build needs, and which of a list are missing. To be sourced.

# Read by whoever sources this.
# shellcheck disable=SC2034
readonly BUILD_PACKAGES=(gcc libc6-dev clang bpftool cmake ninja-build pkg-config linux-libc-dev
	libbpf-dev libelf-dev liblzma-dev zlib1g-dev libnng-dev libmsgpack-dev libprotobuf-c-dev
	protobuf-c-compiler libcurl4-openssl-dev libjansson-dev libseccomp-dev libmicrohttpd-dev libmd-dev
	libyaml-dev libpcre2-dev util-linux python3)

package_is_installed() {
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# packages_missing NAME…: those that are not there, one a line. Not on Debian: none, the build says
# what it lacks.
packages_missing() {
	local name

	command -v dpkg-query >/dev/null || return 0
	for name in "$@"; do
		if package_is_installed "$name"; then
			continue
		fi
		case $name in
		bpftool) # Ubuntu has it in linux-tools-common
			PATH=$PATH:/usr/sbin:/sbin command -v bpftool >/dev/null && continue ;;
		libmsgpack-dev) # Debian 13 calls it by its language
			package_is_installed libmsgpack-c-dev && continue ;;
		golang-go | chromium | rustc)
			command -v "${name#golang-}" >/dev/null && continue ;;
		esac
		printf '%s\n' "$name"
	done
}

# packages_available NAME…: the same, under the names that this release knows. After apt-get update.
packages_available() {
	local name

	for name in "$@"; do
		if [[ $name == libmsgpack-dev ]] && apt-cache show libmsgpack-c-dev >/dev/null 2>&1; then
			name=libmsgpack-c-dev
		fi
		printf '%s\n' "$name"
	done
}
