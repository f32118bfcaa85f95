#!/bin/sh
# Run on a host by SSM (main.tf fills in the operator's key, the minutes and the port).
set -eu
umask 077
[ -x /usr/sbin/sshd ] || { echo "the host has no sshd: its image needs Debian's openssh-server" >&2; exit 3; }
mkdir -p /run/sshd /run/vespa-ssh
cd /run/vespa-ssh
[ -f host_key ] || ssh-keygen -q -t ed25519 -N '' -f host_key

# Keys whose time is over go; this one comes. It gives a terminal and files, and leads nowhere else.
now=$(date -u +%Y%m%d%H%M%SZ)
until=$(date -u -d '+${minutes} minutes' +%Y%m%d%H%M%SZ)
touch authorized_keys
awk -F '"' -v now="$now" '$2 > now' authorized_keys >new_keys
printf 'restrict,pty,expiry-time="%s" %s\n' "$until" "{{ key }}" >>new_keys
mv new_keys authorized_keys

cat >sshd_config <<END
ListenAddress 127.0.0.1
Port ${port}
HostKey /run/vespa-ssh/host_key
AuthorizedKeysFile /run/vespa-ssh/authorized_keys
PidFile none
AuthenticationMethods publickey
PermitRootLogin prohibit-password
AllowUsers root
UsePAM no
LoginGraceTime 30
ClientAliveInterval 60
Subsystem sftp internal-sftp
END

# One that listens already makes room for one that does for as long as the key; sessions that are open stay.
[ ! -f pid ] || kill "$(cat pid)" 2>/dev/null || true
for try in 1 2 3 4 5 6 7 8 9 10; do
    setsid timeout ${minutes}m /usr/sbin/sshd -D -f sshd_config >sshd.log 2>&1 </dev/null &
    echo $! >pid
    sleep 0.2
    ! kill -0 "$(cat pid)" 2>/dev/null || break
done
kill -0 "$(cat pid)" 2>/dev/null || { cat sshd.log >&2; exit 4; }
echo "port ${port}"
cat host_key.pub
