#!/bin/sh
# Makes a signed apt repository with the layout of MongoDB's own: repository.sh MONGOD FOLDER
# It has a genuine mongod in packages of two versions, built long ago, and two keys: the right one, and another one.
set -eu
mongod=$1 root=$2
suite=bookworm/mongodb-org/6.0
pool=dists/$suite/main/binary-amd64
work=$(mktemp -d)

package() {
    tree=$work/$1
    mkdir -p "$tree/DEBIAN" "$tree/usr/bin" "$tree/etc" "$tree/lib/systemd/system"
    cp "$mongod" "$tree/usr/bin/mongod"
    cat > "$tree/etc/mongod.conf" <<'CONF'
storage: {dbPath: /var/lib/mongodb}
systemLog: {destination: file, logAppend: true, path: /var/log/mongodb/mongod.log}
net: {port: 27017, bindIp: 127.0.0.1}
processManagement: {timeZoneInfo: /usr/share/zoneinfo}
CONF
    cat > "$tree/lib/systemd/system/mongod.service" <<'UNIT'
[Unit]
Description=The unit of the package
After=network-online.target
[Service]
User=mongodb
Group=mongodb
ExecStart=/usr/bin/mongod --config /etc/mongod.conf
[Install]
WantedBy=multi-user.target
UNIT
    echo /etc/mongod.conf > "$tree/DEBIAN/conffiles"
    cat > "$tree/DEBIAN/control" <<CONTROL
Package: mongodb-org-server
Version: $1
Section: database
Priority: optional
Architecture: amd64
Maintainer: The scenario <root@localhost>
Depends: libc6, libcurl4, adduser, tzdata
Description: MongoDB's server, as its own package has it
CONTROL
    # The user's first group is nogroup, as in MongoDB's. Theirs leaves mongod alone; this one enables, starts and restarts
    # it, as debhelper's default is: the role must not depend on which of them it is.
    cat > "$tree/DEBIAN/postinst" <<'POSTINST'
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
if ! getent passwd mongodb > /dev/null; then
    adduser --quiet --system --no-create-home mongodb
    addgroup --quiet --system mongodb
    adduser --quiet mongodb mongodb
fi
for folder in /var/lib/mongodb /var/log/mongodb; do
    [ -d $folder ] || { mkdir $folder && chown mongodb:mongodb $folder; }
done
systemctl daemon-reload
deb-systemd-helper enable mongod.service > /dev/null
deb-systemd-invoke restart mongod.service
POSTINST
    chmod 755 "$tree/DEBIAN/postinst"
    find "$tree" -exec touch --date=2023-03-13 {} +
    dpkg-deb --root-owner-group -Zzstd -z1 --build "$tree" "$root/debian/$pool"
}

key() {
    gpg --batch --quiet --passphrase '' --quick-generate-key "$1" rsa3072 sign never
    gpg --batch --armor --export "$1" > "$root/$2"
}

export GNUPGHOME="$work/gnupg"
mkdir -m 700 "$GNUPGHOME"
mkdir -p "$root/debian/$pool"
package 6.0.5
package 6.0.6
cd "$root/debian"
apt-ftparchive packages "$pool" > "$pool/Packages"
apt-ftparchive -o APT::FTPArchive::Release::Origin=mongodb -o APT::FTPArchive::Release::Label=mongodb \
    -o APT::FTPArchive::Release::Suite=bookworm -o APT::FTPArchive::Release::Codename=bookworm/mongodb-org \
    -o APT::FTPArchive::Release::Architectures=amd64 -o APT::FTPArchive::Release::Components=main \
    release "dists/$suite" > "$work/Release"
key another@localhost another.asc
key mongodb@localhost server-6.0.asc
gpg --batch --local-user mongodb@localhost --clearsign --output "dists/$suite/InRelease" "$work/Release"
rm -r "$work"
