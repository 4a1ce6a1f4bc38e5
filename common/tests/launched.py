"""The launcher with a stand-in for its agent, and PATIENCE (seconds) of its own with what hangs."""

import os
import sys
from dataclasses import replace

from common import config, log
from common.instance import stopping
from common.instance.life import Life, service_here

stopping.DEREGISTER = stopping.SERVICE = stopping.AGENT = float(os.environ.get("PATIENCE", "20"))

settings = config.load(service_here(), {**os.environ, "DISCOVERY": "static"})
log.configure(settings.service)
sys.exit(
    Life(replace(settings, discovery="nacos"), sys.argv[1], agent=("-m", os.environ["TWIN_MODULE"])).run()
)
