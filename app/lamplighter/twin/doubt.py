"""How suspect and withheld datastreams look to everything that reads the newest values.

A suspect value counts as uncertain and is little trusted. A withheld one counts as bad, whatever
its sensor says: no rule, forecast, expected value, figure or command decides by it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark

SUSPECT_TRUST: Final = 0.3


def marked(quality: npt.NDArray[np.uint8], marks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Quality bytes with the marks; both by datastream id, `marks` may be shorter."""
    rows = min(quality.shape[0], marks.shape[0])
    if not marks[:rows].any():
        return quality
    found = quality.copy()
    part = found[:rows]
    least = np.where(marks[:rows] & np.uint8(QualityMark.SUSPECT), Quality.UNCERTAIN, Quality.GOOD)
    grade = np.maximum(part & CLASS_MASK, least)
    grade = np.where(marks[:rows] & np.uint8(QualityMark.WITHHELD), Quality.BAD, grade)
    found[:rows] = (part & np.uint8(~CLASS_MASK & 0xFF)) | grade.astype(np.uint8) | marks[:rows]
    return found


def doubted(
    trust: npt.NDArray[np.float32], count: int, marks: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Trust by datastream id, `count` long, lowered where there is a mark."""
    rows = min(count, marks.shape[0])
    if not marks[:rows].any():
        return trust
    found = np.ones(count, np.float32)
    known = min(count, trust.shape[0])
    found[:known] = trust[:known]
    part = found[:rows]
    part[(marks[:rows] & np.uint8(QualityMark.SUSPECT)) != 0] *= np.float32(SUSPECT_TRUST)
    part[(marks[:rows] & np.uint8(QualityMark.WITHHELD)) != 0] = 0.0
    return found
