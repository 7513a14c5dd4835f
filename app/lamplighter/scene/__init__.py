"""Turns assets, tints, camera and layers into a VTK scene and a picture."""
