"""Makes the manual's page of messages from the catalogue, so that the two cannot differ.

`.venv/bin/python -m tests.unit.docs.write_messages` after a change of the catalogue.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from lamplighter.domain.problems import CATALOGUE

PAGE: Final = Path(__file__).parents[3] / "resources" / "docs" / "manual" / "messages.md"
GROUPS: Final = {
    "D": "Data",
    "S": "Security",
    "N": "Network",
    "A": "Storage",
    "I": "Import",
    "P": "Plugins and models",
    "C": "Commands",
    "U": "Use of the program",
}
HOLES: Final = {"name": "*name*", "what": "*…*", "topic": "*topic*", "still": "*…*"}
MORE: Final[dict[str, str]] = {
    "D-101": "If it repeats, look at the device: a broken wire often reads as 'not a number'.",
    "D-102": "Compare unit and scale of the sensor with its kind.",
    "D-103": "Look at what publishes on that topic; no sensor needs such depth.",
    "D-104": "Set the sender to UTF-8.",
    "D-105": "Nothing, unless the name matters: then rename it at the sender.",
    "D-106": "Let the device count again from zero, or send a smaller unit.",
    "D-107": "If the change is meant, give the datastream a new name at the sender.",
    "D-108": "Correct the sender: JSON with a field twice has no single meaning.",
    "D-109": "Compare the message with the page on the native message.",
    "D-110": "Set up time synchronisation on the device.",
    "D-111": "A source that keeps its messages is asked by itself; else the gap stays.",
    "D-112": "Let the device publish its announcement, retained.",
    "D-113": "The bytes are in quarantine with the reason. Correct the sender or the mapping.",
    "D-114": "Compare a message with the mapping's topic and paths; `feed test` shows what comes.",
    "S-201": "Find out whether two devices share a name, or somebody replays messages.",
    "S-202": "Give each device its own client name; check the broker's accounts.",
    "S-203": "Find out who sent it; change the broker's accounts.",
    "N-301": "Renew the broker's certificate.",
    "N-302": "Compare the address of the feed with the names in the broker's certificate.",
    "N-303": "Ask for a new client certificate, or check the paths given to `feed add`.",
    "N-304": "Try `feed test`; check address, port and firewall.",
    "N-305": "The link works: look at the gateway and devices behind it.",
    "A-401": "Free space on the project's disk. Recording goes on by itself.",
    "A-402": "Run `verify` to see what is lost; restore a backup beside it for the rest.",
    "A-403": "Close the other program, or only read.",
    "A-404": "Check the path; `new` makes a project.",
    "A-405": "Install the newer version; going back is not possible.",
    "A-406": "Move the folder to a local disk.",
    "A-407": "Choose a new or empty folder.",
    "A-408": "Check that the place exists, is not in the project and has room.",
    "A-409": "Look for another copy of the file; ask for the passphrase if it is encrypted.",
    "I-501": "Ask for a file without entity definitions.",
    "I-502": "Unpack it by hand and import the parts you need.",
    "I-503": "Fetch the file again; ask its owner when it stays so.",
    "I-504": "See getting started for the formats; convert the file.",
    "I-505": "Compare its size with the original.",
    "I-506": "Find its coordinate system and import again with `--crs EPSG:n`.",
    "I-507": "Check that the path exists and you may read it.",
    "I-508": "Import a smaller part; a file that needs more is too large for this machine.",
    "P-601": "Tell its owner. `plugins disable` switches it off.",
    "P-602": "Ask the administrator to trust its key, if you trust its publisher.",
    "P-603": "Ask for the model in a format without code.",
    "P-604": "A forecast needs past failures and live inputs: see maintenance forecasts.",
    "P-605": "Run `plugins check` for the reason.",
    "P-606": "Its log is in the task drawer.",
    "P-607": "Nothing.",
    "P-608": "Tell its owner. `plugins disable` switches it off for good.",
    "C-701": "The text names the reason; remove it or leave the device as it is.",
    "C-702": "Look at the measured state, or ask somebody on site, before repeating.",
    "C-703": "Look at the device's own display or log.",
    "U-801": "Read the verb's `--help`.",
    "U-802": "`query PROJECT --list` shows all names.",
    "U-809": "The verb named in the message lists the names.",
    "U-803": "Give it as `source/name`.",
    "U-804": "Do what the reason says, or work without it.",
    "U-805": "Start `record`; its log is in the project's `cache/`.",
    "U-806": "Look at the alarm's state: not every action fits every state.",
    "U-807": "Nothing, when it comes back; else start `record` and look at its log.",
    "U-808": "Press `L`: this works in Live only.",
    "U-899": "This is a fault of the program. Report it with the bundle.",
}


def page() -> str:
    """The whole page as Markdown."""
    lines = [
        "# Messages",
        "",
        "Made from the program's catalogue. Each message is one line: what happened, what still",
        "works, what to do, and a code in brackets. Words in italics are filled in.",
    ]
    for letter in [*GROUPS, *sorted({c[0] for c in CATALOGUE} - GROUPS.keys())]:
        codes = sorted(c for c in CATALOGUE if c[0] == letter)
        if not codes:
            continue
        lines += ["", f"## {GROUPS.get(letter, letter)}", "", "| code | message | to do |"]
        lines += ["|---|---|---|"]
        lines += [f"| {c} | {_text(CATALOGUE[c])} | {MORE.get(c, '')} |" for c in codes]
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    filled = re.sub(r"\{(\w+)\}", lambda m: HOLES.get(m[1], f"*{m[1]}*"), text)
    return filled.replace("|", "\\|")


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    sys.stderr.write(f"{PAGE.name}: {len(CATALOGUE)} messages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
