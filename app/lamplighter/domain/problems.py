"""Every message a fault can show: what happened, what still works, what to do, and a code.

The catalogue is the only place where these texts stand. A `Problem` is a value that can be
stored, sent to the window and printed; `LamplighterError` carries one up the stack.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

CATALOGUE: Final[dict[str, str]] = {
    # data
    "D-101": "Sensor {name} sent 'not a number'. Its last good value is shown as stale. "
    "Nothing to do unless it repeats.",
    "D-102": "{name} sent a value outside any possible range ({what}). "
    "The reading was set aside in Quarantine; other readings continue.",
    "D-103": "A message on {topic} is nested too deeply and was set aside. Other data continues.",
    "D-104": "Unreadable text from {name} (not UTF-8). The message was set aside; "
    "other data continues.",
    "D-105": "A name or note contains characters that cannot be stored; they were replaced "
    "by \ufffd. Everything else was kept.",
    "D-106": "Counter of {name} exceeds 64 bits; the reading was set aside and is not plotted. "
    "Other readings continue.",
    "D-107": "{name} changed its data type ({what}). Its values are set aside until you confirm "
    "the new type.",
    "D-108": "Ambiguous message on {topic} (field '{what}' twice) was set aside. "
    "Other data continues.",
    "D-109": "A message on {topic} was refused: {what}. Other data continues. "
    "Check the sender {name}.",
    "D-110": "Clock of {name} is wrong by {what}. Values are kept with our receive time, "
    "marked 'time uncertain'. Set the device's clock.",
    "D-111": "{what} messages of {name} are missing. {still} The chart shows the gap.",
    "D-112": "{name} sends data without introducing itself. Values are kept; "
    "it was asked for a new introduction.",
    "D-113": "A message on {topic} could not be read ({what}) and was set aside in Quarantine. "
    "Other data continues.",
    "D-114": "The mapping {name} matched none of {what} messages; they are kept in Quarantine. "
    "Check the topic and the paths in the mapping.",
    "D-115": "{name} sends its values in {what}, which cannot be converted. They are kept as they "
    "came, marked uncertain. Correct the unit in the feed's mapping or in the register.",
    # security
    "S-201": "{name} repeats sequence {what} with a different value. The first is kept, the second "
    "is in Quarantine. Possible tampering: see Security.",
    "S-202": "Two senders use the name {name} and disconnect each other. "
    "Possible intrusion or double configuration.",
    "S-203": "A command not issued by this control room was seen for {name} and was NOT "
    "confirmed. Check the field.",
    # network
    "N-301": "Not connected: the broker's certificate expired on {what}. Recorded data stays "
    "usable. Ask the administrator to renew it; do not switch off checking.",
    "N-302": "Not connected: the server at {name} does not prove it is {name} ({what}). Recorded "
    "data stays usable. Possible interception: ask the administrator; do not switch off checking.",
    "N-303": "Not connected: this console's certificate is not accepted ({what}). Recorded data "
    "stays usable. Ask the administrator for a new one; new files are taken up by themselves.",
    "N-304": "Not connected to {name}: {what}. Recorded data stays usable and the console keeps "
    "trying. Check that it runs and the address is right.",
    "N-305": "Feed {name} is connected but silent for {what}. Its values are shown as stale. "
    "Check the devices behind it.",
    "N-306": "Feed {name} is held back: {what}. Nothing is lost and other feeds continue. "
    "It goes on by itself; if not, look at the disk.",
    "N-312": "The broker {name} refuses this console: {what}. Recorded data stays usable and it is "
    "tried again. Ask the broker's administrator.",
    "N-311": "The certificate of {name} {what}. A running link goes on; after that day no new one "
    "is made. Ask the administrator for a new one; new files are taken up without a restart.",
    "N-330": "No exchange with the historian {name}: {what}. Everything is recorded here and is "
    "sent when it answers again. Check the address, the user and the server.",
    "N-331": "{what} records were refused by the historian {name} and set aside; all others are "
    "sent. See the page Historian or 'lamplighter historian poison'.",
    # storage
    "A-401": "Storage is full: history is not being recorded since {what}. Live view and commands "
    "still work. Free space or choose another folder; sources that keep their data will resend.",
    "A-402": "A local file is damaged ({what}). {still}",
    "A-403": "Project {name} is in use by {what}. It was opened read-only. "
    "Close the other one to record here.",
    "A-404": "{name} is no Lamplighter project ({what}). Nothing was changed. "
    "Make one with 'lamplighter new {name}'.",
    "A-405": "Project {name} was written by a newer version ({what}) and was not touched. "
    "Install that version to open it.",
    "A-406": "Project {name} lies on a network or synchronised file system ({what}), where a "
    "store can be damaged unseen. Nothing was written. Use a local folder.",
    "A-407": "{name} already exists and is not empty. Nothing was changed. Choose another folder.",
    "A-408": "The backup {name} was not made: {what}. The project and its recording are untouched. "
    "Choose another place and take it again.",
    "A-409": "The backup {name} was not restored: {what}. Nothing was written. "
    "Take another copy of the file, or another backup.",
    "A-421": "The field kit {name} was not made: {what}. The project and its recording are "
    "untouched. Mend that and take it again; it goes on where it was.",
    "A-422": "The field kit {name} was not taken in: {what}. Nothing of it was merged. "
    "Ask for it again, or check the passphrase.",
    "A-423": "The field kit {name} is signed by a key this project does not know ({what}). Nothing "
    "of it was merged. Compare the key with its sender, then give --trust with it.",
    "A-424": "The field kit {name} did not arrive whole: {what}. What came is kept and the rest "
    "follows when you try again; both projects are untouched.",
    # import
    "I-501": "Import of {name} stopped at line {what}: the file contains entity definitions, "
    "which are not allowed. Nothing was imported from it.",
    "I-502": "{name} would expand to {what}. Nothing was imported from it. "
    "Unpack and check it by hand.",
    "I-503": "{name} is damaged ({what}). The 3D view is unchanged; other files were imported.",
    "I-504": "{name} is in no known format ({what}). Nothing was imported from it; "
    "other files were. Supported formats: see the manual.",
    "I-505": "{name} ends too early ({what}). Nothing was imported from it. Fetch the file again.",
    "I-506": "{name} does not say where it lies ({what}). Its objects are listed as unplaced. "
    "Give the coordinate system with --crs EPSG:n, or two points with --two-points.",
    "I-507": "{name} cannot be read ({what}). Nothing was imported from it. "
    "Check the path and the rights.",
    "I-508": "Import of {name} was stopped: {what}. Nothing was imported from it; "
    "the console was not affected.",
    "I-509": "{name} was not placed by the points given ({what}). Nothing was imported from it. "
    "Give two points of the file that lie apart and their places.",
    "I-510": "{name} needs a part of the program that is not installed ({what}). Nothing was "
    "imported from it. Install that part, or save the file in another format.",
    "I-521": "Row of {name} in line {what}. It was set aside in Quarantine; "
    "the other rows were taken.",
    "I-522": "{name} was imported before with another mapping ({what}). Nothing was imported now. "
    "Give --again to take it in a second time.",
    "I-531": "{name} was not attached: {what}. Nothing of it was kept; everything else works.",
    "I-511": "{name} holds nothing of a city: {what}. Nothing was imported from it; "
    "the file needs no repair.",
    # plugins and models
    "P-601": "Plugin '{name}' stopped answering and was restarted ({what}). Its layer is greyed; "
    "everything else works.",
    "P-602": "Plugin '{name}' is not signed by a trusted publisher and was not started. "
    "Everything else works. Install a signed version.",
    "P-603": "{name} was refused: this format can run hidden code. Measured values are "
    "unaffected. Ask for a signed .skops.",
    "P-604": "No forecast for {name} ({what}). Measured values are unaffected.",
    "P-605": "Plugin '{name}' was not loaded: {what}. Everything else works. "
    "Run 'lamplighter plugins check'.",
    "P-606": "Task {name} failed: {what}. Nothing was changed. Run it again or see its log.",
    "P-607": "Task {name} was cancelled. Nothing was changed. Start it again when you need it.",
    "P-608": "Plugin '{name}' failed again after every restart and its code stays off ({what}). "
    "Its layer is greyed; its values and alarm rules still work. It is tried again when the "
    "recorder next starts.",
    "P-609": "The model {name} was left as it is: {what}. Forecasts go on as before.",
    "P-610": "The model {name} was not taken in: {what}. Forecasts go on as before.",
    # commands
    "C-701": "Command to {name} refused: {what}. Nothing was sent.",
    "C-702": "Command to {name} got no receipt within {what}: outcome unknown. "
    "Read the device back before repeating.",
    "C-703": "The device refused the command to {name}: {what}. Nothing was operated.",
    # use of the program
    "U-801": "{what}. Nothing was done. See 'lamplighter {name} --help'.",
    "U-802": "No datastream is called {name}. Nothing was read. "
    "List them with 'lamplighter query PROJECT --list'.",
    "U-803": "The name {name} stands for several datastreams ({what}). Give source/name.",
    "U-809": "There is no {what} called {name}. Nothing was done. "
    "List what there is with 'lamplighter {lists} PROJECT'.",
    "U-804": "{name} is not available: {what}. Everything else works.",
    "U-806": "Alarm {name} was not changed: {what}. All other alarms work as before. "
    "Choose another action or give what is missing.",
    "U-811": "The {name} was not taken: {what}. Nothing was changed; all alarms work as before.",
    "U-812": "Nobody could be called by {name}: {what}. It is tried again; the alarm stays in the "
    "list. Check the way under alarms, or call by hand.",
    "U-841": "Work order {name} was not changed: {what}. Everything that was written stays; "
    "all other work goes on.",
    "U-813": "{name} cannot be written ({what}). What was recorded is untouched. "
    "Choose another place, or make room there.",
    "U-899": "Lamplighter itself failed ({what}). What was recorded is kept. "
    "The details are in {name}; send them with 'lamplighter doctor --bundle'.",
    "U-805": "The recorder did not answer ({what}). Recording is not affected by this window. "
    "Start it again with 'lamplighter record'.",
    "U-807": "The recorder is gone ({what}). What is shown stays and grows old. "
    "This window goes on looking for it; start it with 'lamplighter record'.",
    "U-821": "The view {name} was not taken: {what}. What is shown stays as it was.",
    "U-822": "The view {name} is shown without {what}, which this project does not have. "
    "Everything else is as it was saved.",
    "U-831": "{name} cannot be judged: {what}. Nothing was changed. "
    "The manual page 'Judging models' shows what each form of data must hold.",
    "U-808": "{what}. Nothing was changed. Press L to go back to live.",
}


MISCALLED: Final = frozenset({"U-801", "U-802", "U-803", "U-809"})
"""faults of what was typed: wrong words, or a name that nothing here bears; verbs end with 2"""


LEFT_DAMAGED: Final = (
    "It was left as it is and nothing was deleted. Record again to set it aside and go on with "
    "what can be read, or restore a backup."
)
"""`still` of A-402 where a damaged file is only read"""


class Problem(Struct, frozen=True):
    """One fault, worded: `text` says what, what still works and what to do."""

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} [{self.code}]"


def problem(code: str, **values: object) -> Problem:
    """The catalogue's text for `code`, filled in; a missing value shows as `?`, never an error."""
    return Problem(code, CATALOGUE[code].format_map(_Filled(values)))


class _Filled(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"


class LamplighterError(Exception):
    """A fault with its message; the only exception that may reach a user's eyes."""

    def __init__(self, fault: Problem) -> None:
        super().__init__(str(fault))
        self.problem = fault


def fault(code: str, **values: object) -> LamplighterError:
    """`raise fault("I-507", name=..., what=...)`."""
    return LamplighterError(problem(code, **values))
