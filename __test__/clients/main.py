"""Runs one of the Python clients of this folder: `python main.py <module>`. It speaks as main.mjs does.

The clients do not reconnect: when a stream ends, however it ends, `{ stream, ended }` says so, and whoever sent the command
may open it again with a `lastEventId`.
"""

import importlib
import json
import sys
import threading

client = importlib.import_module(sys.argv[1])
lock = threading.Lock()


def tell(**message):
    with lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def follow(stream, url, last_event_id):
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    try:
        for name, data, id in client.read(url, headers):
            tell(stream=stream, event={"name": name, "data": data, "id": id})
        tell(stream=stream, ended="the end")
    # Each client has errors of its own for a stream that breaks off.
    except Exception as error:
        tell(stream=stream, ended=repr(error))


for line in sys.stdin:
    command = json.loads(line)
    if not command.get("close"):
        arguments = (command["stream"], command["url"], command.get("lastEventId"))
        threading.Thread(target=follow, args=arguments, daemon=True).start()
