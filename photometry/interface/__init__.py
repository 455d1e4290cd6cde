"""The documented Python classes, what they show, and which prepared files a target has.

No numerics of their own: they call the functions that the rules call.
"""
