#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the programs of Kubernetes for tests from Debian's source package, once per machine and recipe: the API server, the
# controller manager, the scheduler and hollow kubelets (kubemark). prepare.sh --scenarios calls it after it has
# installed the packages that the build needs. It works with the lowest priority: 8 to 20 minutes on 2 cores, 4 GB of disk.
# Usage: devstack/kubernetes.sh [--where]
#   --where  print the folder of the programs, whether they are built or not
set -euo pipefail

FLOCK_HOME=${FLOCK_HOME:-/opt/flock}
root=$FLOCK_HOME/kubernetes
# The recipe is for this upstream version, whatever fixes Debian has added to it, and for the release of Debian that has it.
SOURCE_VERSION=1.20.5+really1.20.2 CODENAME=bookworm KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
RELEASE=v1.20.2
PROGRAMS=(kube-apiserver kube-controller-manager kube-scheduler kubemark)
TIMES=3

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }
fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# fetch FOLDER: loads the source package by apt, which checks the signature of the archive and all digests. The machine's
# sources may lack the sources of packages; so this asks the servers of its binary packages for them, with private lists.
fetch() {
    local into=$1 lists=$1/lists options
    mkdir -p "$lists/partial" "$into/parts"
    # apt, not the shell, replaces the words in parentheses.
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' \
        "Codename: $CODENAME" | sort -u | sed "s|^|deb-src [signed-by=$KEYRING] |" > "$into/sources.list"
    [ -s "$into/sources.list" ] || fail "apt knows no packages of Debian $CODENAME; run apt-get update, or use Debian 12."
    options=(-o "Dir::Etc::SourceList=$into/sources.list" -o "Dir::Etc::SourceParts=$into/parts" -o "Dir::State::Lists=$lists"
        -o "APT::Sandbox::User=root" -o "Acquire::Retries=$TIMES" -o "Acquire::Languages=none"
        -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=")
    apt-get "${options[@]}" -qq update
    (cd "$into" && apt-get "${options[@]}" -qq --download-only --only-source source kubernetes)
    compgen -G "$into/kubernetes_$SOURCE_VERSION-*.dsc" || fail "Debian $CODENAME has another Kubernetes than $SOURCE_VERSION."
}

# unpack FOLDER: the tree with Debian's patches.
unpack() {
    local into=$1 reflect=vendor/github.com/modern-go/reflect2 patch
    mkdir "$into/tree"
    tar -xzf "$into"/kubernetes_*.orig.tar.gz -C "$into/tree" --strip-components=1
    tar -xJf "$into"/kubernetes_*.debian.tar.xz -C "$into/tree"
    cd "$into/tree"
    while read -r patch; do
        case $patch in '' | '#'*) ;; *) patch -p1 -s < "debian/patches/$patch" ;; esac
    done < debian/patches/series
    # The reflect2 of this tree does not fit a Go of 1.18 or later: the server would die at the first custom resource.
    rm -f $reflect/*.go $reflect/*.s
    cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.go /usr/share/gocode/src/github.com/modern-go/reflect2/*.s $reflect/
}

# compile FOLDER: builds without network, from what the tree has; without the drivers of public clouds and of Docker, which
# take a third of the time. The tree lacks only one generated file.
compile() {
    local into=$1 named=k8s.io/kubernetes/vendor/k8s.io/component-base/version
    # Its go.mod does not name all that vendor/ holds; like its own makefiles, this builds without modules.
    export HOME=$into GOPATH=$into/tree/.go GOCACHE=$into/cache GO111MODULE=off GOPROXY=off CGO_ENABLED=0
    unset GOROOT GOFLAGS
    mkdir -p "$GOPATH/src/k8s.io" "$into/bin"
    ln -sfn ../../.. "$GOPATH/src/k8s.io/kubernetes"
    cd "$GOPATH/src/k8s.io/kubernetes"
    nice -n 19 make gen_openapi
    nice -n 19 go build -trimpath -tags "providerless dockerless" -o "$into/bin/" -ldflags "-s -w -X $named.gitVersion=$RELEASE \
        -X $named.gitMajor=$(cut -d. -f1 <<< "${RELEASE#v}") -X $named.gitMinor=$(cut -d. -f2 <<< "$RELEASE") \
        -X $named.gitTreeState=archive" "${PROGRAMS[@]/#/./cmd/}"
}

# The folder's name changes with whatever changes its content.
digest=$({
    printf '%s\n' "$SOURCE_VERSION" "$RELEASE" "${PROGRAMS[@]}"
    declare -f unpack compile
} | sha256sum | cut -c1-12)
folder=$root/$RELEASE-$digest
if [ "${1:-}" = --where ]; then
    printf '%s\n' "$folder"
    exit 0
fi
[ ! -e "$folder/kube-apiserver" ] || exit 0

mkdir -p "$root"
exec 9> "$root/.lock"
flock -w 3600 9 || fail "Another build of Kubernetes has held $root/.lock for an hour."
[ ! -e "$folder/kube-apiserver" ] || exit 0
for program in go make patch rsync xz; do
    command -v "$program" > /dev/null || fail "$program is missing. Run devstack/prepare.sh --scenarios, which installs it."
done
work=$root/.build
rm -rf "$work"
mkdir "$work"
trap 'cd /; rm -rf "$work"' EXIT
say "building Kubernetes $RELEASE into $folder"
log=$root/build.log begun=$SECONDS
# In a shell of its own that ends at the first error; "set -e" would have no effect in the condition of an if.
(set -e; fetch "$work"; unpack "$work"; compile "$work") > "$log" 2>&1 < /dev/null &
if ! wait $!; then
    tail -n 8 "$log" >&2
    fail "Kubernetes could not be built; $log has all of it."
fi
cp "$work"/kubernetes_*.dsc "$work/bin/"
# Older recipes are not used again.
find "$root" -mindepth 1 -maxdepth 1 -type d -name 'v*' -exec rm -rf {} +
mv "$work/bin" "$folder"
say "built Kubernetes in $((SECONDS - begun)) s, $(du -sm "$folder" | cut -f1) MB"
