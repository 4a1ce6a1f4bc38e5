"""The gateway: APISIX's route table, its checker, and its translation for the embedded run.

Nothing here serves requests; services do not belong here and never import this package.
"""
