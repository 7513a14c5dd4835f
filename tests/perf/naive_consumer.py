"""The peer of the ingest benchmark: what one would write in an afternoon with paho and sqlite3.

A row per point under a unique index, every message committed with `synchronous=FULL` before the
next is taken, acknowledged when the callback returns. Prints the seconds from connecting to the
last commit. With `bare` as the file's name it stores nothing: then it is the client alone, the most
that could come in.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def main(port: int, file: Path, points: int) -> None:
    bare = file.name == "bare"
    sql = sqlite3.connect(":memory:" if bare else file, isolation_level=None,
                          check_same_thread=False)  # fmt: skip
    sql.execute("PRAGMA journal_mode=WAL")
    sql.execute("PRAGMA synchronous=FULL")
    sql.execute(
        "CREATE TABLE IF NOT EXISTS point(source, epoch, seq, n, name, time_ms, value,"
        " UNIQUE(source, epoch, seq, n))"
    )
    done, stored = threading.Event(), 0

    def take(_client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal stored
        if bare:
            stored += 1
            if stored >= points:
                done.set()
            return
        body = json.loads(message.payload)
        rows = [
            ("device-1", body["epoch"], body["seq"], n, *point[:3])
            for n, point in enumerate(body["points"])
        ]
        sql.execute("BEGIN")
        sql.executemany("INSERT OR IGNORE INTO point VALUES(?,?,?,?,?,?,?)", rows)
        sql.execute("COMMIT")
        stored += len(rows)
        if stored >= points:
            done.set()

    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=file.name,
        clean_session=False,
        protocol=mqtt.MQTTv311,
    )
    client.max_inflight_messages_set(2000)
    client.on_message = take
    client.on_connect = lambda *_: client.subscribe("lamplighter/1/obs/#", qos=1)
    begun = time.monotonic()
    client.connect("127.0.0.1", port)
    client.loop_start()
    if points:
        done.wait(120)
    else:
        time.sleep(1.0)
    print(time.monotonic() - begun if not points or done.is_set() else -1.0, flush=True)
    client.loop_stop()
    client.disconnect()
    sql.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
