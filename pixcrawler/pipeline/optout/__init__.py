"""Opt-outs: how sites and authors say what machines may do with a picture, and what follows."""
