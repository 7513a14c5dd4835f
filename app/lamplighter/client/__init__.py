"""The window's and the verbs' end of the wire to the recorder."""
