"""A scrolling chart of four datastreams: the product's chart against the library's own ways."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from tests.perf.row import Row, row

POINTS, FRAMES = 20_000, 40
START_MS = 1_795_305_600_000


def rows() -> list[Row]:
    os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")
    import pyqtgraph as pg
    from PySide6.QtWidgets import QApplication

    from lamplighter.domain.city import Datastream
    from lamplighter.ui.series import Trace
    from lamplighter.ui.theme import start
    from lamplighter.ui.trend_plot import TrendPlot

    app = QApplication.instance() or QApplication(["bench"])
    start("dark", 1.0)
    rng = np.random.default_rng(3)
    times = START_MS + 1000 * np.arange(POINTS)
    walks = [np.cumsum(rng.normal(0, 0.1, POINTS)) for _ in range(4)]
    span = 900 * POINTS

    def frames(widget: Any, draw: Callable[[int], None]) -> float:
        widget.resize(800, 300)
        widget.show()
        app.processEvents()
        spent = []
        for number in range(FRAMES):
            begun = time.perf_counter()
            draw(START_MS + number * 2000)
            widget.viewport().repaint()
            spent.append((time.perf_counter() - begun) * 1000)
        widget.close()
        app.processEvents()
        return statistics.median(spent)

    chart = TrendPlot()
    traces = {n: Trace(times, w, w, w) for n, w in enumerate(walks)}
    chart.set_streams([Datastream(n, "s", f"d{n}", label=f"d{n}") for n in range(4)], traces)
    ours = frames(chart, lambda first: chart.redraw(first, first + span))

    def library(**options: Any) -> float:
        plot = pg.PlotWidget()
        if options:
            plot.setDownsampling(**options)
            plot.setClipToView(True)
        curves = [plot.plot(pen=pg.mkPen(n, width=1)) for n in range(4)]

        def draw(first: int) -> None:
            for curve, walk in zip(curves, walks, strict=True):
                curve.setData(times / 1000.0, walk)
            plot.setXRange(first / 1000, (first + span) / 1000, padding=0)

        return frames(plot, draw)

    plain, sampled = library(), library(auto=True, mode="peak")
    name = f"chart frame, 4 x {POINTS:,} points"
    return [
        row(name, ours, "ms", "pyqtgraph, all points", plain),
        row(name, ours, "ms", "pyqtgraph, clipped and downsampled by itself", sampled),
    ]
