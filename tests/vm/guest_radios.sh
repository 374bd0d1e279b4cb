#!/bin/sh
# Radios, access point and stations of the test guest.
#   guest_radios.sh reset RADIOS COUNTRY     a fresh kernel state: no NOP, no station, counters at 0
#   guest_radios.sh ap CONFIG...             (re)start hostapd, one process for all radios
#   guest_radios.sh station N IP             namespace staN with phyN, wpa_supplicant and a traffic receiver
cd /run/air || exit 1

# End a program by its pid file and wait until it is gone.
end() {
    [ -s "$1" ] || return 0
    kill -9 "$(cat "$1")" 2>/dev/null
    while kill -0 "$(cat "$1")" 2>/dev/null; do sleep 0.05; done
    rm -f "$1"
}

case $1 in
reset)
    for file in *.pid; do end "$file"; done
    for name in $(ip netns list | cut -d' ' -f1); do ip netns del "$name"; done
    # cfg80211 must go as well, so that phys count from 0 again; it is busy until the namespaces are really gone.
    while [ -d /sys/module/cfg80211 ]; do
        for module in mac80211_hwsim mac80211 cfg80211; do rmmod $module 2>>rmmod.log; done || sleep 0.1
    done
    rm -rf gap-* *.log *.err /var/run/hostapd /run/wpa_supplicant
    # A station gives its access point 3 s without beacons: on a busy machine the air itself can stand still.
    modprobe mac80211 beacon_loss_count=30 probe_wait_ms=1000 || exit 1
    modprobe mac80211_hwsim radios="$2" || exit 1
    iw reg set "$3"
    ;;
ap)
    shift
    end hostapd.pid
    rm -rf /var/run/hostapd
    # -t: times of events in the log
    nice -n -10 hostapd -B -t -P /run/air/hostapd.pid -f /run/air/hostapd.log "$@" || { cat hostapd.log; exit 1; }
    ;;
station)
    in="ip netns exec sta$2"
    ip netns add "sta$2" && iw phy "phy$2" set netns name "sta$2" || exit 1
    $in ip link set lo up
    $in iw dev "wlan$2" set power_save off  # else downlink comes in bursts, once a beacon
    $in ip addr add "$3/24" dev "wlan$2"
    nice -n -10 $in wpa_supplicant -B -t -Dnl80211 -i "wlan$2" -c "/run/air/wlan$2.conf" -P "/run/air/wlan$2.pid" \
        -f "/run/air/wlan$2.log" || exit 1
    nice -n -15 $in python3 -S /run/air/guest_traffic.py receive "/run/air/gap-wlan$2" >"receive$2.log" 2>&1 &
    echo $! >"receive$2.pid"
    ;;
esac
