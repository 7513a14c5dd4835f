"""Alarm rules, the ISA-18.2 life cycle, and folding under one cause."""
