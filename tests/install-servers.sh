#!/usr/bin/env bash
# Makes sure that the programs which the tests start are there: Postfix, Dovecot (IMAP and LMTP), openssl, SpamAssassin,
# Chromium, and what looks into a PDF (poppler's tools and qpdf).
#
# On Debian and Ubuntu what is missing is installed (as root, or through sudo where it asks no password), and the
# packages are kept from starting services of their own. Elsewhere what is missing is named, and this fails.
# WITHOUT_SERVERS=1 installs nothing and says what is left out.
set -euo pipefail

missing=()
[ -x /usr/lib/postfix/sbin/master ] || [ -x /usr/libexec/postfix/master ] || missing+=(postfix)
command -v dovecot >/dev/null || [ -x /usr/sbin/dovecot ] || missing+=(dovecot-core)
[ -x /usr/lib/dovecot/imap ] || [ -x /usr/libexec/dovecot/imap ] || missing+=(dovecot-imapd)
[ -x /usr/lib/dovecot/lmtp ] || [ -x /usr/libexec/dovecot/lmtp ] || missing+=(dovecot-lmtpd)
command -v openssl >/dev/null || missing+=(openssl)
command -v spamassassin >/dev/null || missing+=(spamassassin)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    missing+=(chromium fonts-liberation)
command -v pdftotext >/dev/null && command -v pdfinfo >/dev/null || missing+=(poppler-utils)
command -v qpdf >/dev/null || missing+=(qpdf)

if [ -n "${WITHOUT_SERVERS:-}" ] && [ "${WITHOUT_SERVERS}" != 0 ]; then
    echo "WITHOUT_SERVERS is set. Left out: every test that needs a real Postfix and Dovecot, SpamAssassin or a browser, or looks into a PDF" \
        "(missing here: ${missing[*]:-nothing})."
    exit 0
fi

root=()
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        root=(sudo -n)
    elif [ "${#missing[@]}" = 0 ]; then
        echo "Postfix starts only as root, and sudo asks for a password here." \
            "Run the tests as root, or set WITHOUT_SERVERS=1 to leave out those that need it." >&2
        exit 1
    fi
fi

[ "${#missing[@]}" = 0 ] && exit 0

if [ "$(id -u)" != 0 ] && [ "${#root[@]}" = 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests start real mail servers, and these are missing: ${missing[*]} (names of the Debian packages)." \
        "Install them, or set WITHOUT_SERVERS=1 to leave out the tests that need them." >&2
    exit 1
fi

echo "Installing the servers that the tests start: ${missing[*]}"
# The packages' scripts ask this file whether they may start a service; 101 means no. What was there comes back.
policy=/usr/sbin/policy-rc.d
kept=$policy.before-postduif
restore() {
    if [ -e "$kept" ]; then "${root[@]}" mv -f "$kept" "$policy"; else "${root[@]}" rm -f "$policy"; fi
}
if [ -e "$policy" ] && [ ! -e "$kept" ]; then
    "${root[@]}" cp -pP "$policy" "$kept"
fi
trap restore EXIT
"${root[@]}" rm -f "$policy"
printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
"${root[@]}" chmod 755 "$policy"

install() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
        -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null
}
# The lists of packages are fetched only when those at hand do not do.
if ! install; then
    "${root[@]}" apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null
    install
fi
echo "Installed: ${missing[*]}"
