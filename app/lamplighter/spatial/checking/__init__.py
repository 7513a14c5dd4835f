"""Whether city models are what ISO 19107 calls valid, and what in a city contradicts itself.

The geometry is read here as the file states it (rings, shells, solids), beside the readers that
draw: a picture forgives what a check must name.
"""
