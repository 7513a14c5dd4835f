"""Values, messages and pure rules of the city; every other room speaks in these words.

Nothing here opens a file, a socket or a thread. Times are UTC in integer milliseconds since 1970
(`*_ms`), lengths in metres, unless a name says otherwise.
"""
