"""What of the Sparkplug standard a host must do, which test shows it, and whether it passed.

`python -m tests.perf.sparkplug_conformance` runs those tests and writes the table. Only assertions
whose text was read stand here; those for edge nodes, devices and brokers do not concern a host.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
OUT: Final = ROOT / "resources" / "docs" / "results"
FEED: Final = "tests/unit/sources/test_sparkplug_feed.py"
PIPE: Final = "tests/unit/pipeline/test_sparkplug.py"
ALL: Final = 299
"""assertions of the standard, version 3.0"""


class Claim(NamedTuple):
    """What a host must do, in our words, and the test that shows it."""

    file: str
    test: str
    words: str
    ids: tuple[str, ...]


CLAIMS: Final = (
    Claim(FEED, "test_the_broker_sees_a_host_as_the_standard_wants_it",
          "connects with a clean session, a retained will of QoS 1 on its STATE topic, subscribes, "
          "then says STATE, and says it again before it leaves", (
        "message-flow-phid-sparkplug-clean-session-311",
        "message-flow-phid-sparkplug-clean-session-50",
        "message-flow-phid-sparkplug-subscription", "message-flow-phid-sparkplug-state-publish",
        "host-topic-phid-birth-message", "host-topic-phid-birth-qos",
        "host-topic-phid-birth-retain",
        "host-topic-phid-birth-topic", "host-topic-phid-birth-sub-required",
        "host-topic-phid-birth-required", "host-topic-phid-death-qos",
        "host-topic-phid-death-retain",
        "host-topic-phid-death-topic", "host-topic-phid-death-required",
        "operational-behavior-host-application-connect-will",
        "operational-behavior-host-application-connect-will-topic",
        "operational-behavior-host-application-connect-will-qos",
        "operational-behavior-host-application-connect-will-retained",
        "operational-behavior-host-application-connect-birth",
        "operational-behavior-host-application-connect-birth-topic",
        "operational-behavior-host-application-connect-birth-qos",
        "operational-behavior-host-application-connect-birth-retained",
        "operational-behavior-host-application-termination",
        "operational-behavior-host-application-death-topic",
        "operational-behavior-host-application-death-qos",
        "operational-behavior-host-application-death-retained",
        "payloads-state-will-message", "payloads-state-will-message-qos",
        "payloads-state-will-message-retain", "payloads-state-subscribe", "payloads-state-birth")),
    Claim(FEED, "test_the_host_says_that_it_is_there_and_the_broker_that_it_is_gone",
          "STATE is JSON with `online` and `timestamp`; its name said to be offline is answered",
          ("intro-sparkplug-host-state", "components-ph-state", "conformance-primary-host",
           "host-topic-phid-birth-payload", "message-flow-hid-sparkplug-state-message-delivered",
           "host-topic-phid-death-payload-timestamp-disconnect-clean",
           "operational-behavior-host-application-connect-birth-payload")),
    Claim(FEED, "test_a_host_that_dies_is_told_by_its_will",
          "the will carries the time of its birth",
          ("host-topic-phid-death-payload", "host-topic-phid-birth-payload-timestamp",
           "operational-behavior-host-application-connect-will-payload",
           "operational-behavior-host-application-death-payload")),
    Claim(FEED, "test_a_stranger_is_asked_for_a_birth_and_then_its_aliases_are_known",
          "a rebirth is asked for by NCMD with `Node Control/Rebirth` = true",
          ("operational-behavior-data-commands-ncmd-rebirth-verb",
           "operational-behavior-data-commands-ncmd-rebirth-name",
           "operational-behavior-data-commands-ncmd-rebirth-value",
           "operational-behavior-data-commands-ncmd-metric-name")),
    Claim(FEED, "test_a_rebirth_request_reads_as_one", "a request says when it was sent",
          ("topics-ncmd-timestamp",)),
    Claim(PIPE, "test_only_the_will_of_this_session_is_a_death",
          "an NDEATH with the number of the birth makes the node offline; another is ignored",
          ("operational-behavior-edge-node-termination-host-action-ndeath-node-offline",)),
    Claim(PIPE, "test_the_death_of_a_node_makes_all_its_values_stale",
          "after an NDEATH all values of the node and its devices are stale",
          ("operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale",
           "operational-behavior-edge-node-termination-host-action-ndeath-devices-offline",
           "operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-stale")),
    Claim(PIPE, "test_the_death_of_a_device_makes_its_values_stale_and_no_others",
          "a DDEATH makes the device's values stale, at its time",
          ("operational-behavior-edge-node-termination-host-action-ddeath-devices-offline",
           "operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale")),
    Claim(PIPE, "test_a_missing_message_is_a_gap_and_a_reason_for_a_birth",
          "what was overtaken may come for a moment; then a rebirth is asked for",
          ("operational-behavior-host-reordering-start",
           "operational-behavior-host-reordering-rebirth")),
    Claim(PIPE, "test_order_of_arrival_changes_nothing",
          "when the missing messages come in time nothing is asked for",
          ("operational-behavior-host-reordering-success",)),
)  # fmt: skip
NOT_DONE: Final = (
    ("operational-behavior-host-reordering-param", "should",
     "the reorder time is fixed (one second)"),
    ("operational-behavior-host-application-host-id", "must",
     "that no other has the name is up to who gives names; the default holds the project's id"),
    ("operational-behavior-host-application-multi-server-timestamp", "must",
     "each feed is one broker and keeps its own time; not tested with two brokers"),
    ("topics-dcmd-timestamp", "must", "no DCMD is ever sent: nothing is operated over Sparkplug"),
    ("operational-behavior-data-commands-dcmd-metric-name", "should", "no DCMD is ever sent"),
)  # fmt: skip


def outcomes() -> dict[str, bool]:
    """Test name -> passed, of all tests that are named above."""
    report = ROOT / ".cache-sparkplug.xml"
    wanted = sorted({f"{c.file}::{c.test}" for c in CLAIMS})
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-n", "0",
               f"--junitxml={report}", *wanted]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "app")}
    subprocess.run(command, cwd=ROOT, env=environment, check=False)
    found: dict[str, bool] = {}
    try:
        for case in ET.parse(report).iter("testcase"):
            name = str(case.get("name")).partition("[")[0]
            bad = any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
            found[name] = found.get(name, True) and not bad
    finally:
        report.unlink(missing_ok=True)
    return found


def page(found: dict[str, bool]) -> str:
    """The table."""
    count = sum(len(c.ids) for c in CLAIMS)
    passed = sum(len(c.ids) for c in CLAIMS if found.get(c.test))
    lines = [
        "# Sparkplug B, the host's side",
        "",
        "Made by `python -m tests.perf.sparkplug_conformance`; do not edit. Version 3.0 of the "
        f"standard has {ALL} assertions; most bind edge nodes, devices and brokers. Of those that "
        f"bind a host and whose text was read, {passed} of {count} pass a test of ours against "
        f"mosquitto or in the decoder; {len(NOT_DONE)} are not claimed. The standard's own test "
        "kit was not run.",
        "",
        "| assertion | what it asks for | test | passed |",
        "|---|---|---|---|",
    ]
    for claim in CLAIMS:
        verdict = "yes" if found.get(claim.test) else "**no**"
        name = claim.test.removeprefix("test_").replace("_", " ")
        lines += [f"| `{one}` | {claim.words} | {name} | {verdict} |" for one in claim.ids]
    lines += ["", "Not claimed:", "", "| assertion | binds | why |", "|---|---|---|"]
    lines += [f"| `{one}` | {binds} | {why} |" for one, binds, why in NOT_DONE]
    return "\n".join([*lines, ""])


def main() -> int:
    found = outcomes()
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "sparkplug.md").write_text(page(found), encoding="utf-8")
    rows = [{"assertion": one, "test": c.test, "passed": found.get(c.test, False)}
            for c in CLAIMS for one in c.ids]  # fmt: skip
    (OUT / "sparkplug.json").write_text(json.dumps({"results": rows}, indent=1) + "\n")
    return 0 if all(row["passed"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
