"""A libtorrent session that does what its one argument (JSON) orders and prints its alerts, a JSON object a line.

{"listen": "IP:PORT", "role": "seed" | "leecher", "dir": DIR, "torrents": [FILE or magnet link...], "settings": {NAME: NUMBER or STRING}, "tellsUploads": BOOLEAN}
"""

import json
import os
import select
import signal
import sys

import libtorrent as lt

order = json.loads(sys.argv[1])


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def info_hash(handle):
    return str(handle.info_hashes().v1)


categories = lt.alert.category_t
session = lt.session(
    {
        "listen_interfaces": order["listen"],
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "allow_multiple_connections_per_ip": True,
        "alert_mask": categories.error_notification
        | categories.status_notification
        | categories.storage_notification
        | categories.tracker_notification
        | categories.connect_notification
        | (categories.upload_notification if order["tellsUploads"] else 0),
        **order["settings"],
    }
)

for file in order["torrents"]:
    if file.startswith("magnet:"):
        params = lt.parse_magnet_uri(file)
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(file)
    params.save_path = order["dir"]
    params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    if order["role"] == "seed":
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
            alert.handle.flush_cache()
        elif isinstance(alert, lt.cache_flushed_alert):
            if alert.handle.is_seed():
                say("complete", infoHash=info_hash(alert.handle))
        elif isinstance(alert, (lt.peer_connect_alert, lt.peer_disconnected_alert)):
            say("dialled", address=alert.endpoint[0])
            if isinstance(alert, lt.peer_disconnected_alert):
                say("lost", address=alert.endpoint[0])
        elif isinstance(alert, lt.block_uploaded_alert):
            say("uploaded", infoHash=info_hash(alert.handle), piece=alert.piece_index)
        else:
            say("alert", what=alert.what(), message=alert.message())
