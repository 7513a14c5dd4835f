"""Where the details of an unexpected fault go: a file, never the user's screen."""

from __future__ import annotations

import traceback
from pathlib import Path

from platformdirs import user_log_path


def keep(error: BaseException) -> str:
    """Append the traceback to the crash log; returns its path, or a word when it cannot."""
    file = Path(user_log_path("lamplighter")) / "crash.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as out:
            out.writelines(traceback.format_exception(error))
    except OSError:
        return "no file (it could not be written)"
    return str(file)
