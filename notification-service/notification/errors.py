"""What this app can refuse, as facts. Codes 8xxx, stable for ever.

SuiteError
├── NotFound
│   └── NotificationNotFound 8001     no such message, or not yours: they look the same
└── InvalidInput
    └── EventIncomplete 8002          an event lacks whom to tell or what about
"""

from common.errors import InvalidInput, NotFound


class NotificationNotFound(NotFound):
    code, status, zh, en = 8001, 404, "通知不存在", "There is no such notification."


class EventIncomplete(InvalidInput):
    code, status, zh, en = 8002, 400, "事件缺少必要字段", "The event lacks what the message needs."
