"""AWS Glue as moto has it, on a free port, until standard input ends."""

import logging
import os
import sys

os.environ["MOTO_ALLOW_NONEXISTENT_REGION"] = "true"  # each test has a region to itself
logging.getLogger("werkzeug").disabled = True

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
