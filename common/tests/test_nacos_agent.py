"""What the agent's log says of a problem: at once, every minute, and when it is over."""

import asyncio
import logging
from pathlib import Path

from structlog.testing import capture_logs

from common.nacos_agent.agent import Agent
from common.nacos_agent.plan import Plan
from common.nacos_client import Target
from common.nacos_connection import Chatter
from common.settings_table import Settings


def test_a_problem_is_told_at_once_every_minute_and_when_it_is_over(tmp_path: Path) -> None:
    now = 1000.0

    async def story() -> None:
        nonlocal now
        settings = Settings(service="OrderService", service_run_dir=str(tmp_path))
        agent = Agent(Plan(settings, Target(("n:1",), "ns"), (), ()), lambda *_: None, now=lambda: now)
        for _ in range(125):
            agent._complain("cannot reach it", "refused")
            now += 1
        agent._be_content()
        agent._be_content()
        agent._complain("cannot reach it", "refused")

    with capture_logs() as told:
        asyncio.run(story())

    assert [(one["event"], one["seconds"]) for one in told] == [
        ("nacos_problem", 0),
        ("nacos_problem", 60),
        ("nacos_problem", 120),
        ("nacos_problem_over", 125),
        ("nacos_problem", 0),
    ]


def test_of_the_sdks_chatter_only_what_nobody_else_tells_is_left() -> None:
    heard, chatter = [], Chatter()

    def say(line: int, text: str) -> None:
        record = logging.LogRecord("nacos.sdk", logging.ERROR, "grpc_client.py", line, text, (), None)
        if chatter.filter(record):
            heard.append(text)

    for attempt in ("first", "second"):
        say(143, f"connect to server fail, {attempt}")
        say(99, f"server check fail, {attempt}")
        say(155, f"unsupported payload, {attempt}")

    assert heard == ["server check fail, first", "unsupported payload, first"]
