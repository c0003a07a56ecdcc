# What is tried of the Debian package under systemd: set up by one command, upgraded, removed, purged.
set -eu
step=begin
trap '[ "$step" = done ] || { echo "BROKE  $step"; systemctl status watcher --no-pager; journalctl -u watcher --no-pager | tail -20; }' EXIT
held() { echo "held   $step"; }
none() { if "$@"; then return 1; fi; } # `!` alone ends no script
waited() { # until COMMAND holds, for half a minute
    for _ in $(seq 60); do if "$@"; then return 0; fi; sleep 0.5; done
    return 1
}
read_something() { watcher status --json 2>/dev/null | grep -q '"last_reading": "2'; }

step="it is installed again after it was removed, and starts nothing"
dpkg -i /release/balance-watcher_*.deb
none systemctl --quiet is-active watcher
held

/usr/lib/watcher/bin/python -m watcher.sim --sample > /run/sim &
waited test -s /run/sim
url=$(sed 's/.*"coinstats": "\([^"]*\)".*/\1/' /run/sim)
cat > /root/answers.yaml <<END
sources: {coinstats: {key: cs-key, credits: 2M, url: "$url"}}
wallets: [{source: coinstats, name: hot, for: hot, address: "0x9f114da25b61b77606d47eab414b9360f8783979", chains: [ethereum]}]
channel: {url: "json://127.0.0.1:9/ops"}
END

step="init --systemd writes all but the unit, which the package has"
watcher init --systemd --answers /root/answers.yaml
[ ! -e /etc/systemd/system/watcher.service ]
[ "$(stat -c %a:%U /etc/watcher/credentials)" = 700:root ]
watcher check
held

step="it starts with one command, as its own user, and reads"
systemctl enable --now watcher
[ "$(stat -c %U "/proc/$(systemctl show -P MainPID watcher)")" = watcher ]
waited read_something
watcher status --alive
held

step="an upgrade starts it again and keeps configuration, keys and store"
before=$(find /etc/watcher -type f -exec sha256sum {} + | sort)
inode=$(stat -c %i /var/lib/watcher/watcher.db)
pid=$(systemctl show -P MainPID watcher)
dpkg -i /release/next/next.deb
[ "$before" = "$(find /etc/watcher -type f -exec sha256sum {} + | sort)" ]
[ "$inode" = "$(stat -c %i /var/lib/watcher/watcher.db)" ]
systemctl --quiet is-active watcher
[ "$pid" != "$(systemctl show -P MainPID watcher)" ]
waited read_something
held

step="going back to the version before does the same"
dpkg -i /release/balance-watcher_*.deb
systemctl --quiet is-active watcher
held

step="a store is backed up and restored by the commands of the page"
sh -eu /restore.sh
waited read_something
held

step="removed, it is stopped and what is yours stays"
dpkg -r balance-watcher
none systemctl --quiet is-active watcher
[ ! -e /usr/bin/watcher ]
[ ! -e /usr/lib/watcher ]
[ -e /etc/watcher/watcher.yaml ]
[ -e /var/lib/watcher/watcher.db ]
held

step="purged, nothing is left"
dpkg -P balance-watcher
[ ! -e /etc/watcher ]
[ ! -e /var/lib/watcher ]
[ ! -e /etc/systemd/system/multi-user.target.wants/watcher.service ]
held
step=done
echo "all held"
