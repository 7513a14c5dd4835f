"""glTF as pieces of geometry: nodes placed, triangles listed, colours and pictures resolved.

Coordinates leave here with z up. What the city needs is taken (triangles, points, base colour,
feature ids); what it does not draw (lines, cameras, animations, skins) is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.spatial.gltf_buffers import Document, Json, normalised
from lamplighter.spatial.model import Floats, Ints, Refused

MAX_TRIANGLES: Final = 20_000_000
MAX_NODES: Final = 200_000
_KNOWN: Final = (
    "KHR_mesh_quantization", "KHR_texture_transform", "KHR_materials_", "KHR_lights_punctual",
    "CESIUM_RTC", "EXT_mesh_features", "EXT_structural_metadata", "EXT_instance_features",
    "EXT_mesh_gpu_instancing", "EXT_feature_metadata", "KHR_techniques_webgl", "KHR_binary_glTF",
    "WEB3D_quantized_attributes", "KHR_texture_basisu", "KHR_texture_webp", "EXT_texture_webp",
    "CESIUM_primitive_outline", "KHR_xmp", "MSFT_texture_dds", "KHR_draco_mesh_compression",
    "EXT_meshopt_compression", "KHR_meshopt_compression", "KHR_animation_pointer",
)  # fmt: skip
"""those that are read, or refused where they stand in the way of geometry"""
_UP: Final = np.array([[1.0, 0, 0, 0], [0, 0, -1.0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1.0]])
_PICTURES: Final = (b"\x89PNG", b"\xff\xd8\xff")


@dataclass(slots=True)
class Piece:
    """Geometry with one look: points (n, 3) with z up, triangles (m, 3) or None for a cloud.

    ids (n,): the feature of each point, -1 for none, None without features; `table` the number
    of the property table they point into. `node` is the key of the node it hangs on.
    """

    points: Floats
    triangles: Ints | None
    uv: npt.NDArray[np.float32] | None = None
    colours: npt.NDArray[np.uint8] | None = None
    image: bytes = b""
    ids: Ints | None = None
    table: int = -1
    node: Any = None


@dataclass(slots=True)
class Scene:
    """All pieces of one file; `centre` is added to them by who places them."""

    pieces: list[Piece] = field(default_factory=list)
    centre: Floats = field(default_factory=lambda: np.zeros(3))
    skipped: Counter[str] = field(default_factory=Counter)


def read_scene(document: Document, up: str = "y") -> Scene:
    """The pieces of the default scene. `up` is the axis that points up in the file.

    Raises `Refused`, also for broken structure of any kind.
    """
    try:
        return _Reader(document, up).run()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        what = str(error) or type(error).__name__
        raise Refused("I-503", f"its structure is broken: {what}") from error


class _Reader:
    def __init__(self, document: Document, up: str) -> None:
        self.document, self.json = document, document.json
        self.up = np.eye(4) if up == "z" else _UP
        self.scene = Scene()
        self.triangles = 0
        self._looks: dict[str, tuple[bytes, tuple[float, ...], Json]] = {}

    def run(self) -> Scene:
        required = [str(name) for name in self.json.get("extensionsRequired", [])]
        unknown = [name for name in required if not name.startswith(_KNOWN)]
        if unknown:
            raise Refused("I-504", f"it needs the extension {unknown[0]}, which is not read")
        rtc = self.json.get("extensions", {}).get("CESIUM_RTC", {}).get("center")
        if rtc is not None:
            self.scene.centre = np.array(rtc, float).reshape(3)
        for kind in ("animations", "skins"):
            if self.json.get(kind):
                self.scene.skipped[f"{kind} (drawn at rest)"] += len(self.json[kind])
        for key, matrix in self._nodes():
            self._node(key, matrix)
        return self.scene

    def _nodes(self) -> Iterator[tuple[Any, Floats]]:
        """Every node with its place, parents before children."""
        nodes = dict(self.document.items("nodes"))
        scenes = dict(self.document.items("scenes"))
        first = self.json.get("scene", 0 if not self.document.old else next(iter(scenes), None))
        roots = scenes[first].get("nodes", []) if scenes else _roots(nodes)
        queue: list[tuple[Any, Floats, tuple[Any, ...]]] = [
            (key, self.up, ()) for key in reversed(roots)
        ]
        own: dict[Any, Floats] = {}
        seen = 0
        while queue:
            key, above, path = queue.pop()
            if key in path:
                raise Refused("I-503", f"node {key} is its own ancestor")
            seen += 1
            if seen > MAX_NODES or len(path) > 1000:
                raise Refused("I-502", f"more than {MAX_NODES} nodes")
            if key not in own:
                own[key] = _matrix(nodes[key])
            here = above @ own[key]
            yield key, here
            below = reversed(nodes[key].get("children", []))
            queue.extend((child, here, (*path, key)) for child in below)

    def _node(self, key: Any, matrix: Floats) -> None:
        node = self.document.item("nodes", key)
        meshes = node.get("meshes", [node["mesh"]] if node.get("mesh") is not None else [])
        instancing = node.get("extensions", {}).get("EXT_mesh_gpu_instancing")
        copies = self._instances(instancing) if instancing else [np.eye(4)]
        for mesh in meshes:
            for primitive in self.document.item("meshes", mesh).get("primitives", []):
                piece = self._primitive(primitive, key)
                if piece is None:
                    continue
                own = piece.points
                for number, copy in enumerate(copies):
                    if piece.triangles is not None:
                        self._count(len(piece.triangles))
                    whole = matrix @ copy
                    made = Piece(
                        own @ whole[:3, :3].T + whole[:3, 3],
                        piece.triangles, piece.uv, piece.colours, piece.image, piece.ids,
                        piece.table, key,
                    )  # fmt: skip
                    if made.triangles is not None and np.linalg.det(whole[:3, :3]) < 0:
                        made.triangles = made.triangles[:, ::-1]
                    if instancing and "EXT_instance_features" in node.get("extensions", {}):
                        made.ids = np.full(len(own), number, np.int64)
                    self.scene.pieces.append(made)

    def _count(self, more: int) -> None:
        self.triangles += more
        if self.triangles > MAX_TRIANGLES:
            raise Refused("I-502", f"more than {MAX_TRIANGLES // 1_000_000} million triangles")

    def _instances(self, extension: Json) -> list[Floats]:
        found = {k: self.document.accessor(v) for k, v in extension["attributes"].items()}
        count = max((len(v) for v in found.values()), default=0)
        if count > MAX_NODES:
            raise Refused("I-502", f"{count} instances")
        spots = found.get("TRANSLATION", np.zeros((count, 3)))
        turns = normalised(found["ROTATION"]) if "ROTATION" in found else None
        scales = found.get("SCALE", np.ones((count, 3)))
        return [
            _matrix(
                {
                    "translation": spots[row],
                    "rotation": (0.0, 0.0, 0.0, 1.0) if turns is None else turns[row],
                    "scale": scales[row],
                }
            )
            for row in range(count)
        ]

    def _primitive(self, primitive: Json, node: Any) -> Piece | None:
        mode = int(primitive.get("mode", 4))
        if "KHR_draco_mesh_compression" in primitive.get("extensions", {}):
            position = self.document.item("accessors", primitive["attributes"]["POSITION"])
            if position.get("bufferView") is None:
                raise Refused(
                    "I-504",
                    "its geometry is packed with KHR_draco_mesh_compression, which is not read",
                )
        if mode in (1, 2, 3):
            self.scene.skipped["line groups"] += 1
            return None
        attributes = primitive["attributes"]
        if "POSITION" not in attributes:
            self.scene.skipped["parts without positions"] += 1
            return None
        points = np.ascontiguousarray(self.document.accessor(attributes["POSITION"]), np.float64)
        if points.shape[1] != 3:
            raise Refused("I-503", "positions that are no triples")
        triangles = None if mode == 0 else self._triangles(primitive, mode, len(points))
        piece = Piece(points, triangles, node=node)
        self._colour(piece, primitive, attributes)
        self._features(piece, primitive, attributes)
        return piece

    def _triangles(self, primitive: Json, mode: int, count: int) -> Ints:
        if primitive.get("indices") is None:
            corner = np.arange(count, dtype=np.int64)
        else:
            corner = self.document.accessor(primitive["indices"])[:, 0].astype(np.int64)
        if len(corner) and not (int(corner.min()) >= 0 and int(corner.max()) < count):
            raise Refused("I-503", f"a triangle names point {int(corner.max())} of {count}")
        if mode == 4:
            return corner[: len(corner) // 3 * 3].reshape(-1, 3)
        if mode not in (5, 6):
            raise Refused("I-503", f"primitive mode {mode}")
        if len(corner) < 3:
            return np.zeros((0, 3), np.int64)
        if mode == 6:
            return np.column_stack(
                [np.full(len(corner) - 2, corner[0]), corner[1:-1], corner[2:]]
            ).astype(np.int64)
        strip = np.column_stack([corner[:-2], corner[1:-1], corner[2:]])
        strip[1::2] = strip[1::2, ::-1]
        return strip.astype(np.int64)

    def _colour(self, piece: Piece, primitive: Json, attributes: Json) -> None:
        image, factor, texture = self._look(primitive.get("material"))
        places = attributes.get(
            f"TEXCOORD_{texture.get('texCoord', 0)}", attributes.get("TEXCOORD")
        )
        if image and places is not None:
            values = self.document.accessor(places)
            uv = values.astype(np.float64)[:, :2]
            uv = _turned(uv, texture.get("extensions", {}).get("KHR_texture_transform"))
            piece.uv = np.column_stack([uv[:, 0], 1.0 - uv[:, 1]]).astype(np.float32)
            piece.image = image
            return
        own = attributes.get("COLOR_0", attributes.get("COLOR"))
        if own is not None:
            values = normalised(self.document.accessor(own))[:, :3]
            shade = np.clip(values * np.array(factor[:3]), 0.0, 1.0)
            piece.colours = _srgb(shade)
        elif primitive.get("material") is not None:
            one = _srgb(np.clip(np.array([factor[:3]], float), 0.0, 1.0))
            piece.colours = np.repeat(one, len(piece.points), axis=0)

    def _look(self, material: Any) -> tuple[bytes, tuple[float, ...], Json]:
        """Picture, base colour and texture reference of a material; looked up once."""
        if material is None:
            return b"", (1.0, 1.0, 1.0, 1.0), {}
        name = str(material)
        if name not in self._looks:
            info = self.document.item("materials", material)
            self._looks[name] = self._old_look(info) if self.document.old else self._new_look(info)
        return self._looks[name]

    def _new_look(self, info: Json) -> tuple[bytes, tuple[float, ...], Json]:
        base = info.get("pbrMetallicRoughness", {})
        older = info.get("extensions", {}).get("KHR_materials_pbrSpecularGlossiness")
        texture = base.get("baseColorTexture", {})
        factor = base.get("baseColorFactor", (1.0, 1.0, 1.0, 1.0))
        if older and not base:
            texture = older.get("diffuseTexture", {})
            factor = older.get("diffuseFactor", factor)
        image = self._texture(texture["index"]) if texture else b""
        return image, tuple(float(v) for v in factor), texture

    def _old_look(self, info: Json) -> tuple[bytes, tuple[float, ...], Json]:
        values = info.get("values", {})
        common = info.get("extensions", {}).get("KHR_materials_common", {}).get("values", {})
        diffuse = {**values, **common}.get("diffuse")
        if isinstance(diffuse, str):
            return self._texture(diffuse), (1.0, 1.0, 1.0, 1.0), {}
        if isinstance(diffuse, list) and len(diffuse) >= 3:
            return b"", tuple(_linear(float(v)) for v in diffuse), {}
        return b"", (1.0, 1.0, 1.0, 1.0), {}

    def _texture(self, key: Any) -> bytes:
        """The encoded picture of a texture; empty, and counted, when it cannot be read."""
        texture = self.document.item("textures", key)
        source = texture.get("source")
        if source is None:
            found = list(texture.get("extensions", {}))
            self.scene.skipped[f"pictures ({', '.join(found) or 'no source'})"] += 1
            return b""
        info = self.document.item("images", source)
        inner = info.get("extensions", {}).get("KHR_binary_glTF", {}).get("bufferView")
        view = info.get("bufferView", inner)
        try:
            data = (
                bytes(self.document.view(view))
                if view is not None
                else self.document.external(str(info["uri"]))
            )
        except (Refused, OSError) as error:
            what = error.what if isinstance(error, Refused) else "it cannot be read"
            self.scene.skipped[f"pictures ({what})"] += 1
            return b""
        if not data.startswith(_PICTURES):
            self.scene.skipped["pictures in another format than PNG and JPEG"] += 1
            return b""
        return data

    def _features(self, piece: Piece, primitive: Json, attributes: Json) -> None:
        for name in ("_BATCHID", "BATCHID", "_FEATURE_ID_0"):
            if name in attributes:
                piece.ids = _whole(self.document.accessor(attributes[name]))
                piece.table = 0 if name == "_FEATURE_ID_0" else -1
                break
        told = primitive.get("extensions", {}).get("EXT_mesh_features", {}).get("featureIds", [])
        for info in told:
            if "texture" in info:
                self.scene.skipped["feature ids that stand in a picture"] += 1
                continue
            number = info.get("attribute")
            if number is None:
                piece.ids = np.arange(len(piece.points), dtype=np.int64)
            else:
                piece.ids = _whole(self.document.accessor(attributes[f"_FEATURE_ID_{number}"]))
            piece.table = int(info.get("propertyTable", -1))
            if info.get("nullFeatureId") is not None:
                piece.ids = np.where(piece.ids == int(info["nullFeatureId"]), -1, piece.ids)
            return


def _whole(values: npt.NDArray[Any]) -> Ints:
    return np.rint(values[:, 0].astype(np.float64)).astype(np.int64)


def _roots(nodes: dict[Any, Json]) -> list[Any]:
    inner = {child for node in nodes.values() for child in node.get("children", [])}
    return [key for key in nodes if key not in inner]


def _matrix(node: Json) -> Floats:
    """The place (4, 4) of a node in its parent."""
    if node.get("matrix") is not None:
        return np.array(node["matrix"], float).reshape(4, 4).T
    made = np.eye(4)
    x, y, z, w = (float(v) for v in node.get("rotation", (0.0, 0.0, 0.0, 1.0)))
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    made[:3, :3] = turn * np.array(node.get("scale", (1.0, 1.0, 1.0)), float)
    made[:3, 3] = np.array(node.get("translation", (0.0, 0.0, 0.0)), float)
    return made


def _turned(uv: Floats, transform: Json | None) -> Floats:
    if not transform:
        return uv
    angle = float(transform.get("rotation", 0.0))
    uv = uv * np.array(transform.get("scale", (1.0, 1.0)), float)
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.column_stack([uv[:, 0] * cos + uv[:, 1] * sin, uv[:, 1] * cos - uv[:, 0] * sin])
    moved: Floats = turned + np.array(transform.get("offset", (0.0, 0.0)), float)
    return moved


def _srgb(linear: Floats) -> npt.NDArray[np.uint8]:
    """Linear shares of light as the bytes a screen is given."""
    curve = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(curve * 255.0).astype(np.uint8)


def _linear(shade: float) -> float:
    return shade / 12.92 if shade <= 0.04045 else ((shade + 0.055) / 1.055) ** 2.4
