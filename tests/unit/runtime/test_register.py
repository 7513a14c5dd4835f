"""The asset register: what a preview says is what applying does, and nothing unbound is hidden."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.kit.patience import until
from tests.kit.recorders import running

from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.layers import remove_layer
from lamplighter.runtime.project import audit_entries, create, opened
from lamplighter.runtime.register import NamePattern, Nearest, parse_mapping, register_into

OWN = (
    "TAG,CLASS,DESCRIPTION,LON,LAT,FED_BY,STATION\n"
    "P-1,PMP,North pump,4.4,51.9,SS-1,North\n"
    "P-2,PMP,South pump,4.401,51.9,SS-9,South\n"
    "SS-1,TRAFO,Substation,4.4005,51.9,,North\n"
    ",PMP,nameless,4.4,51.9,,\n"
)
MAP = """
pattern = "{asset}_{kind}"
[columns]
id = "TAG"
type = "CLASS"
name = "DESCRIPTION"
lon = "LON"
lat = "LAT"
[values.type]
PMP = "Pump"
TRAFO = "Substation"
[connections]
feeds = "FED_BY"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "town"
    create(folder)
    streams = [
        Datastream(0, "gw", name)
        for name in ("P-1_pressure", "p_2_flow", "P-7_pressure", "temperature")
    ]
    with opened(folder, write=True) as store:
        store.writer.call(lambda access: access.put_datastream_meta(streams)).result()
    return folder


def file(tmp_path: Path, text: str, name: str = "register.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def actions(project: Path) -> list[tuple[str, str]]:
    """What was brought in by the audit record, oldest first."""
    wanted = ("register assets", "import files")
    found = [(e["action"], e["object"]) for e in audit_entries(project, 50)]
    return [f for f in reversed(found) if f[0] in wanted]


def test_a_running_recorder_audits_what_is_brought_in_before_it_begins(
    tmp_path: Path, project: Path
) -> None:
    path = file(tmp_path, OWN)
    with running(project) as recorder:
        for ask in (
            wire.ImportFiles((str(path),), preview=True),
            wire.RegisterAssets(str(path), MAP),
            wire.RegisterAssets(str(path), MAP, preview=False),
            wire.ImportFiles((str(path), str(tmp_path))),
        ):
            assert isinstance(recorder._handle(ask), wire.TaskStarted)
        until(lambda: not {t.name for t in threading.enumerate()} & {"import", "register"})
    assert actions(project) == [("register assets", "register.csv"), ("import files", "2 paths")]


def test_a_register_in_its_own_columns_is_previewed_and_applied_alike(
    tmp_path: Path, project: Path
) -> None:
    path = file(tmp_path, OWN)
    shown = register_into(project, path, mapping=MAP, preview=True)
    assert (shown["new"], shown["connections"], shown["applied"]) == (3, 1, False)
    assert [(b["datastream"], b["asset"], b["kind"], b["how"]) for b in shown["bindings"]] == [
        ("gw/P-1_pressure", "P-1", "pressure", "pattern"),
        ("gw/p_2_flow", "P-2", "flow", "pattern"),
    ]
    assert {u["datastream"]: u["reason"] for u in shown["unbound"]} == {
        "gw/P-7_pressure": "there is no asset P-7",
        "gw/temperature": "its name does not fit the pattern",
    }
    assert {u["id"]: u["reason"] for u in shown["refused"]} == {
        "line 5": "line 5: no id or no type",
        "SS-9 feeds P-2": "there is no asset SS-9",
    }
    with opened(project) as store:
        assert store.assets() == []
    assert actions(project) == [], "a preview changes nothing"
    done = register_into(project, path, mapping=MAP, preview=False)
    assert {k: v for k, v in done.items() if k != "applied"} == {
        k: v for k, v in shown.items() if k != "applied"
    }
    assert actions(project) == [("register assets", "register.csv")]
    with opened(project) as store:
        pump = {a.id: a for a in store.assets()}["P-1"]
        assert (pump.type, pump.name, pump.attributes["station"]) == ("Pump", "North pump", "North")
        assert pump.x is not None
        bound = {d.name: (d.asset, d.kind) for d in store.datastreams()}
        assert [(e.source, e.kind, e.target) for e in store.edges()] == [("SS-1", "feeds", "P-1")]
    assert bound["P-1_pressure"] == ("P-1", "pressure")
    assert bound["temperature"] == ("", "")
    remove_layer(project, "register", preview=False)
    with opened(project) as store:
        assert store.assets() == []
        assert store.edges() == []
        assert {d.asset for d in store.datastreams()} == {""}


def test_a_table_and_positions_bind_too(tmp_path: Path, project: Path) -> None:
    register_into(project, file(tmp_path, OWN, "a.csv"), mapping=MAP.replace("pattern", "#"),
                  preview=False)  # fmt: skip
    text = (
        "source,datastream,asset,kind,lon,lat\n"
        "gw,q1,P-2,flow,,\n"
        "gw,q2,,pressure,4.40001,51.9\n"
        "gw,q3,,pressure,4.5,51.9\n"
        "gw,q4,P-77,flow,,\n"
    )
    mapping = 'near_m = 25.0\nnear_type = "Pump"\n'
    done = register_into(project, file(tmp_path, text, "b.csv"), mapping=mapping, preview=False)
    assert [(b["datastream"], b["asset"]) for b in done["bindings"]] == [
        ("gw/q1", "P-2"),
        ("gw/q2", "P-1"),
    ]
    assert done["bindings"][1]["how"].startswith("position, 0.")
    reasons = {u["datastream"]: u["reason"] for u in done["unbound"]}
    assert reasons["gw/q3"] == "no Pump lies within 25 m"
    assert reasons["gw/q4"] == "there is no asset P-77"
    assert reasons["gw/temperature"] == "the register does not name it"


def test_a_mapping_that_cannot_be_used_says_so_in_one_line(tmp_path: Path, project: Path) -> None:
    path = file(tmp_path, OWN)
    for text, words in (
        ("columns = 3", "the mapping cannot be used"),
        ("nonsense = 1", "unknown field"),
        ('pattern = "x"', "does not hold {asset}"),
        ('[columns]\nid = "ID"\ntype = "CLASS"', "no column is called 'ID'"),
        ('[connections]\neats = "FED_BY"', "'eats' is no kind of connection"),
    ):
        with pytest.raises(LamplighterError, match=words):
            register_into(project, path, mapping=text, preview=True)
    assert parse_mapping("").columns == {}


def test_a_pattern_takes_ids_as_people_vary_them() -> None:
    assets = {"P-14": Asset("P-14", "Pump", "Mill Lane", "water")}
    found = NamePattern("*/{asset}.{kind}", assets)
    assert found.match(Datastream(0, "gw", "x/p_14.flow"))[:2] == ("P-14", "flow")
    assert found.match(Datastream(0, "gw", "x/mill lane.flow"))[0] == "P-14"
    assert found.match(Datastream(0, "gw", "p-14"))[2] == "its name does not fit the pattern"


def test_the_nearest_of_its_type_is_found_across_cells() -> None:
    assets = {
        name: Asset(name, kind, name, "water", x=x, y=y)
        for name, kind, x, y in (("A", "Pump", 99.0, 0.0), ("B", "Pump", 101.0, 0.0),
                                 ("C", "Valve", 100.1, 0.0))
    }  # fmt: skip
    assert Nearest(assets, "Pump", 10.0).find((100.2, 0.0)) == ("B", pytest.approx(0.8))
    assert Nearest(assets, "", 10.0).find((100.2, 0.0))[0] == "C"
    assert Nearest(assets, "Pump", 0.5).find((100.2, 0.0))[0] == ""
