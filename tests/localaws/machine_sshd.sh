#!/bin/sh
# What the instances of test_sessions.py run: Debian's sshd, for their own loopback only.
mkdir -p /run/sshd /var/lib/ssh /root/.ssh
[ -f /var/lib/ssh/key ] || ssh-keygen -q -t ed25519 -N '' -f /var/lib/ssh/key
exec /usr/sbin/sshd -D -e -f /dev/null -o ListenAddress=127.0.0.1 -o HostKey=/var/lib/ssh/key -o PidFile=none \
    -o UsePAM=no -o PasswordAuthentication=no -o "Subsystem=sftp internal-sftp"
