"""One running instance of a service: where its files lie, its doors, its processes, how it lives and stops.

Room: plain. `common.launcher` is the program; gunicorn and Django only ask where the files lie and how long a
stop takes.
"""
