"""Prints which of these info-hashes leave this network namespace by UDP over IPv4, a JSON object a line: INFO_HASH...

{"event": "told", "infoHash": HEX, "by": "DHT" | "local discovery"}
"""

import json
import socket
import sys

ETH_P_ALL = 3
UDP = 17

info_hashes = sys.argv[1:]


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


# A packet begins with its IP header here.
packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
say("watching")
while True:
    packet, (_, _, kind, *_) = packets.recvfrom(65535)
    if kind != socket.PACKET_OUTGOING or packet[0] >> 4 != 4 or packet[9] != UDP:
        continue
    for info_hash in info_hashes:
        # BEP 5 has its 20 bytes, BEP 14 its hex digits.
        if bytes.fromhex(info_hash) in packet:
            say("told", infoHash=info_hash, by="DHT")
        if info_hash.encode() in packet.lower():
            say("told", infoHash=info_hash, by="local discovery")
