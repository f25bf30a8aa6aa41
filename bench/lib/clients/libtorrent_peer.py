"""A libtorrent session with one torrent and libtorrent's own settings, but TCP and plaintext only.

version                                  prints the version
seed|leecher ADDRESS:PORT DIR TORRENT    runs until SIGTERM; prints {"event": "complete"} when the download is
"""

import json
import os
import select
import signal
import sys

import libtorrent as lt

if sys.argv[1] == "version":
    print("libtorrent " + lt.version)
    sys.exit()

role, listen, folder, torrent = sys.argv[1:]
DISABLED = 2

session = lt.session(
    {
        "listen_interfaces": listen,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "in_enc_policy": DISABLED,
        "out_enc_policy": DISABLED,
        "allow_multiple_connections_per_ip": True,
        # The bench's tracker answers when all are there.
        "tracker_receive_timeout": 120,
        "tracker_completion_timeout": 120,
        "alert_mask": lt.alert.category_t.error_notification | lt.alert.category_t.status_notification,
    }
)
params = lt.add_torrent_params()
params.ti = lt.torrent_info(torrent)
params.save_path = folder
params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
if role == "seed":
    params.flags |= lt.torrent_flags.seed_mode
session.add_torrent(params)

ending = False


def end(*_):
    global ending
    ending = True


signal.signal(signal.SIGTERM, end)
# Not session.wait_for_alert: the alert that it returns is looked at while libtorrent's own thread may be moving it, in a queue that
# grows, and the process is ended by SIGSEGV.
told, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
session.set_alert_fd(tell)
while not ending:
    if select.select([told], [], [], 0.2)[0]:
        os.read(told, 4096)
    for alert in session.pop_alerts():
        if isinstance(alert, lt.torrent_finished_alert):
            print(json.dumps({"event": "complete"}), flush=True)
        elif alert.category() & lt.alert.category_t.error_notification:
            print(alert.message(), file=sys.stderr, flush=True)
