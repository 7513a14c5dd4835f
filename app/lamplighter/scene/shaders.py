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

_LOOK: Final = """
  float look = floor((1.0 - opacity) * 255.0 / 32.0 + 0.5);
  gl_FragData[0].a = 1.0;
"""

_VEIL: Final = """
  if (look > 5.5) discard;
  if (look > 4.5)
    {
    vec2 dot2 = mod(floor(gl_FragCoord.xy), 2.0);
    if (dot2.x + dot2.y > 0.5) discard;
    }
"""

_SKIN: Final = """
  if (look < 0.5)
    {
    float grey = dot(gl_FragData[0].rgb, vec3(0.30, 0.59, 0.11));
    gl_FragData[0].rgb = mix(gl_FragData[0].rgb, vec3(grey), calmShare) * calmLight;
    }
  else
    {
    gl_FragData[0].rgb = ambientColor + diffuseColor;
    }
"""

_PATTERN: Final = """
  if (look > 0.5 && look < 3.5)
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

_SUN: Final = """
  if (look < 0.5)
    {
    vec4 here = vec4(placeMC, 1.0);
    vec3 seen = vec3(dot(sunX, here), dot(sunY, here), dot(sunZ, here));
    vec3 across = normalize(cross(dFdx(placeMC), dFdy(placeMC)));
    float lit = dot(across, sunWay);
    float shade = 1.0 - smoothstep(0.0, 0.08, lit);
    if (lit > 0.0 && all(greaterThan(seen, vec3(0.0))) && all(lessThan(seen, vec3(1.0))))
      {
      float lean = min(sqrt(max(1.0 - lit * lit, 0.0)) / max(lit, 0.02), 12.0);
      float slack = (sunMetre * (0.5 + 1.25 * lean)) / sunDepth;
      float cover = 0.0;
      for (int k = 0; k < 4; k++)
        {
        vec2 off = vec2(k < 2 ? -0.5 : 0.5, (k == 0 || k == 2) ? -0.5 : 0.5) * sunTexel;
        vec3 bytes = texture(materialTex, seen.xy + off).rgb * 255.0;
        float near = dot(floor(bytes + 0.5), vec3(65536.0, 256.0, 1.0)) / 16777215.0;
        cover += near + slack < seen.z ? 0.25 : 0.0;
        }
      shade = max(shade, cover);
      }
    gl_FragData[0].rgb *= mix(1.0, sunDark, shade);
    }
"""

_PULL: Final = """
  if (scalarColor.a < 0.99 || pullAll > 0.5) gl_Position.z -= pull / gl_Position.w;
"""
_POSITION: Final = "//VTK::PositionVC::Impl"

_FADE: Final = """
  float sightDistance = 1.0 / gl_FragCoord.w;
  float fade = 1.0 - clamp((sightDistance - hazeNear) / max(hazeFar - hazeNear, 1.0), 0.0, 1.0);
  gl_FragData[0].a *= fade;
"""


def _say(code: str) -> str:
    return code.replace("gl_FragData[0]", "fragOutput0")


def surface(
    actor: vtkActor,
    *,
    textured: bool = False,
    skin: bool = False,
    veiled: bool = False,
    sunlit: bool = False,
) -> Any:
    """Give a tile's surface its look: patterns, haze, and what is asked for. May be called again.

    `skin`: own colours, calmed; `textured`: they come from a picture; `veiled`: some owners are
    hidden or ghosts; `sunlit`: the property's material texture is a depth map of the sun.
    Returns the uniforms of the fragments; those that the code names must be set.
    """
    shader = actor.GetShaderProperty()
    shader.ClearAllFragmentShaderReplacements()
    shader.ClearAllVertexShaderReplacements()
    _give_place(actor)
    shader.AddVertexShaderReplacement(_POSITION, True, _POSITION + "\n" + _PULL, False)
    code = _LOOK + (_VEIL if veiled else "") + (_SKIN if skin else "") + _PATTERN
    code += (_SUN if sunlit else "") + _HAZE
    after = _TEXTURE if textured else _LIGHT  # a texture is multiplied in after the light
    shader.AddFragmentShaderReplacement(after, True, after + "\n" + _say(code), False)
    return shader.GetFragmentCustomUniforms()


def depth_only(actor: vtkActor) -> None:
    """Draw nothing of owners that are hidden or ghosts: they cast no shadow."""
    code = _say(_LOOK) + "  if (look > 4.5) discard;\n"
    actor.GetShaderProperty().AddFragmentShaderReplacement(
        _LIGHT, True, _LIGHT + "\n" + code, False
    )


def hazy(actor: vtkActor, *, textured: bool = False, sunlit: bool = False) -> Any:
    """Give the actor depth haze; returns its uniforms. May be called again."""
    shader = actor.GetShaderProperty()
    shader.ClearAllFragmentShaderReplacements()
    shader.ClearAllVertexShaderReplacements()
    code = _HAZE
    if sunlit:
        _give_place(actor)
        code = "  float look = 0.0;\n" + _SUN + _HAZE
    after = _TEXTURE if textured else _LIGHT
    shader.AddFragmentShaderReplacement(after, True, after + "\n" + _say(code), False)
    return shader.GetFragmentCustomUniforms()


def _give_place(actor: vtkActor) -> None:
    """Hand local metres from the vertices to the fragments."""
    shader = actor.GetShaderProperty()
    shader.AddVertexShaderReplacement(
        _NORMAL_DEC, True, _NORMAL_DEC + "\nout vec3 placeMC;\n", False
    )
    shader.AddVertexShaderReplacement(
        _NORMAL_IMPL, True, _NORMAL_IMPL + "\n  placeMC = vertexMC.xyz;\n", False
    )
    shader.AddFragmentShaderReplacement(
        _NORMAL_DEC, True, _NORMAL_DEC + "\nin vec3 placeMC;\n", False
    )


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
