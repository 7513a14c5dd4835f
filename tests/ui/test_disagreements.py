"""The attributes panel tells where the sources of an asset contradict each other."""

from __future__ import annotations

from lamplighter.domain import wire
from lamplighter.domain.disagreement import Disagreement
from lamplighter.ui.attributes_panel import Attributes
from lamplighter.ui.desk import Desk
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession


class _Session(FakeSession):
    def _reply(self, request: wire.Request) -> wire.Reply:
        if isinstance(request, wire.GetDisagreements):
            said = (("works.csv", "7.5"), ("plans.gpkg", "9"))
            items = (Disagreement("power_kw", said),) if request.asset == "P-01" else ()
            return wire.Disagreements(request.asset, 2, items)
        return super()._reply(request)


def test_contradictions_stand_before_the_attributes(qtbot: object, desk: Desk) -> None:
    desk.connect_session(_Session(directly, buildings=2))
    panel = Attributes(desk)
    desk.selection.select("P-01")
    asset = desk.city.assets["P-01"]
    titles = [title for title, _ in panel.sections(asset)]
    assert "Sources contradict each other" in titles
    rows = dict(panel.sections(asset))["Sources contradict each other"]
    assert rows[0][1] == "works.csv: 7.5; plans.gpkg: 9"
    desk.selection.select("P-02")
    again = [title for title, _ in panel.sections(desk.city.assets["P-02"])]
    assert "Sources contradict each other" not in again
    panel.deleteLater()
