#!/bin/sh
# Gives the new system the certificate authorities and the archive keys that this computer trusts beside Debian's own.
set -eu
root=$1
mkdir -p "$root/usr/local/share/ca-certificates" "$root/etc/apt/keyrings" "$root/etc/apt/trusted.gpg.d"
find /usr/local/share/ca-certificates -name '*.crt' -exec cp -L {} "$root/usr/local/share/ca-certificates/" \; 2>/dev/null || true
for keys in keyrings trusted.gpg.d; do
  find "/etc/apt/$keys" -type f \( -name '*.gpg' -o -name '*.asc' \) -exec cp -n {} "$root/etc/apt/$keys/" \; 2>/dev/null || true
done
