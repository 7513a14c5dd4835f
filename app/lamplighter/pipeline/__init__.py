"""Turns raw messages into observations: names, units, time, sequence; then judges quality."""
