"""Prints a free loopback port that no file in the given folder holds."""

import pathlib
import random
import socket
import sys

taken = {path.read_text().strip() for path in pathlib.Path(sys.argv[1]).iterdir()}
for port in random.sample(range(20000, 32000), 1000):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
    if str(port) not in taken:
        print(port)
        sys.exit()
sys.exit("no free port between 20000 and 32000")
