"""A server on this machine that answers as providers do, on good days and on bad ones.

`table` names the faults, `errors` holds what each protocol says in them, `speech` how each protocol says an
answer; `asked` reads what a request wants, and `server` is the server.
"""
