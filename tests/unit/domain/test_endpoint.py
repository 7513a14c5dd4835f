from __future__ import annotations

import threading
from multiprocessing.connection import Pipe

from lamplighter.domain.endpoint import hang_up

ENDS = 40


def test_a_reader_in_the_midst_of_frames_ends_cleanly_when_another_thread_hangs_up() -> None:
    how: list[type[BaseException] | None] = []

    for _ in range(ENDS):
        here, there = Pipe()
        read = threading.Event()

        def listen(connection: object = here, read: threading.Event = read) -> None:
            try:
                while True:
                    connection.recv_bytes()  # type: ignore[attr-defined]
                    read.set()
            except BaseException as error:
                how.append(type(error))

        def talk(connection: object = there) -> None:
            try:
                while True:
                    connection.send_bytes(b"frame")  # type: ignore[attr-defined]
            except OSError:
                pass

        threads = [threading.Thread(target=listen), threading.Thread(target=talk)]
        for thread in threads:
            thread.start()
        assert read.wait(20)
        hang_up(here)
        assert not here.closed  # its owner closes it when nobody reads any more
        for thread in threads:
            thread.join(20)
        here.close()
        there.close()

    assert len(how) == ENDS
    assert set(how) <= {EOFError, ConnectionResetError}
