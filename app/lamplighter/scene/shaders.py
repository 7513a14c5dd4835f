"""The few lines of GLSL the city needs: depth haze, hatch patterns, and lines seen through walls.

Distance comes from `1 / gl_FragCoord.w`, which is the depth along the sight in metres and 1 in a
parallel (plan) view, so the plan has no haze by itself.
"""

from __future__ import annotations

from typing import Any, Final

import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  gives actors their shader properties
from vtkmodules.vtkRenderingCore import vtkActor

_LIGHT: Final = "//VTK::Light::Impl"
_TEXTURE: Final = "//VTK::TCoord::Impl"
_DEPTH: Final = "//VTK::Depth::Impl"
_NORMAL_DEC: Final = "//VTK::Normal::Dec"
_NORMAL_IMPL: Final = "//VTK::Normal::Impl"

_HAZE: Final = """
  float sightDistance = 1.0 / gl_FragCoord.w;
  float haze = clamp((sightDistance - hazeNear) / max(hazeFar - hazeNear, 1.0), 0.0, 1.0);
  gl_FragData[0].rgb = mix(gl_FragData[0].rgb, hazeColour, haze * hazeMost);
"""

_PATTERN: Final = """
  float look = floor((1.0 - opacity) * 255.0 / 32.0 + 0.5);
  gl_FragData[0].a = 1.0;
  if (look > 0.5)
    {
    float period = look > 2.5 ? 4.0 : 8.0;
    float along = (placeMC.x + placeMC.y + placeMC.z * 1.4) / period;
    float wide = max(fwidth(along), 1e-5);
    float ink = 0.0;
    if (look < 1.5)
      {
      vec2 cell = fract(vec2(placeMC.x + placeMC.z, placeMC.y + placeMC.z) / period) - 0.5;
      ink = 1.0 - smoothstep(0.13, 0.13 + wide * 1.5, length(cell));
      ink = mix(ink, 0.06, clamp((wide - 0.25) * 4.0, 0.0, 1.0));
      }
    else
      {
      float off = abs(fract(along) - 0.5);
      ink = 1.0 - smoothstep(0.10, 0.10 + wide, off);
      ink = mix(ink, 0.22, clamp((wide - 0.25) * 4.0, 0.0, 1.0));
      }
    gl_FragData[0].rgb = mix(gl_FragData[0].rgb, patternColour, ink * 0.75);
    }
"""

_FADE: Final = """
  float sightDistance = 1.0 / gl_FragCoord.w;
  float fade = 1.0 - clamp((sightDistance - hazeNear) / max(hazeFar - hazeNear, 1.0), 0.0, 1.0);
  gl_FragData[0].a *= fade;
"""


def _say(code: str) -> str:
    return code.replace("gl_FragData[0]", "fragOutput0")


def hazy(actor: vtkActor, *, patterns: bool = False, textured: bool = False) -> Any:
    """Give the actor depth haze (and hatch patterns); returns its uniforms."""
    shader = actor.GetShaderProperty()
    code = _HAZE
    if patterns:
        shader.AddVertexShaderReplacement(
            _NORMAL_DEC, True, _NORMAL_DEC + "\nout vec3 placeMC;\n", False
        )
        shader.AddVertexShaderReplacement(
            _NORMAL_IMPL, True, _NORMAL_IMPL + "\n  placeMC = vertexMC.xyz;\n", False
        )
        shader.AddFragmentShaderReplacement(
            _NORMAL_DEC, True, _NORMAL_DEC + "\nin vec3 placeMC;\n", False
        )
        code = _PATTERN + _HAZE
    after = _TEXTURE if textured else _LIGHT  # a texture is multiplied in after the light
    shader.AddFragmentShaderReplacement(after, True, after + "\n" + _say(code), False)
    return shader.GetFragmentCustomUniforms()


def fading(actor: vtkActor) -> Any:
    """Let the actor fade out with distance; returns its uniforms."""
    shader = actor.GetShaderProperty()
    shader.AddFragmentShaderReplacement(_LIGHT, True, _LIGHT + "\n" + _say(_FADE), False)
    return shader.GetFragmentCustomUniforms()


def in_front(actor: vtkActor, share: float) -> None:
    """Draw the actor over everything; `share` orders such layers, smaller is nearer (0..1)."""
    actor.GetShaderProperty().AddFragmentShaderReplacement(
        _DEPTH, True, f"  gl_FragDepth = gl_FragCoord.z * {share:.6f};\n", False
    )


def raised(actor: vtkActor, share: float) -> None:
    """Pull the actor towards the eye by a share of its depth, so that it wins against surfaces."""
    actor.GetShaderProperty().AddFragmentShaderReplacement(
        _DEPTH, True, f"  gl_FragDepth = gl_FragCoord.z * (1.0 - {share:.8f});\n", False
    )
