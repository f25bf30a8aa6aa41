"""Makes a torrent of PATH as libtorrent does by default, v1 and v2 in one: PATH TRACKER FILE"""

import os
import sys

import libtorrent as lt

path, tracker, file = sys.argv[1:]
storage = lt.file_storage()
lt.add_files(storage, path)
torrent = lt.create_torrent(storage, 64 * 1024)
torrent.add_tracker(tracker)
lt.set_piece_hashes(torrent, os.path.dirname(path))
with open(file, "wb") as out:
    out.write(lt.bencode(torrent.generate()))
