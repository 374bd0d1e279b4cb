#!/bin/sh
# First process of the test guest. Keys come from the host by fw_cfg; everything else is done over SSH.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t debugfs debug /sys/kernel/debug
mkdir -p /dev/pts /run/sshd /run/netns /run/air
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run -o mode=755
mkdir -p /run/sshd /run/air
ln -s /proc/self/fd /dev/fd
echo guest >/proc/sys/kernel/hostname

depmod -a
for module in virtio_pci virtio_net virtio_rng qemu_fw_cfg; do modprobe "$module"; done
key=/sys/firmware/qemu_fw_cfg/by_name/opt/rrmd
umask 077
cat $key/host_key/raw >/etc/ssh/ssh_host_ed25519_key
cat $key/authorized_keys/raw >/root/.ssh/authorized_keys
umask 022

# QEMU's user network is always the same: no DHCP client needed.
ip link set lo up
for device in /sys/class/net/e*; do device=${device##*/}; done
ip addr add 10.0.2.15/24 dev "$device"
ip link set "$device" up
ip route add default via 10.0.2.2

/usr/sbin/sshd
echo GUEST-READY
if [ -x /usr/lib/systemd/systemd ]; then exec /usr/lib/systemd/systemd --show-status=false; fi
while :; do sleep 1000; done
