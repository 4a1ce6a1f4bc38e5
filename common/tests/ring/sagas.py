"""A saga of the miniature service: what the runner's tests run they define themselves."""

from uuid import UUID

from common.sagas.definition import Context, Saga, Step


def _weigh(context: Context, step_key: UUID) -> Context:
    return {"weighed_by": str(step_key)}


WEIGH = Saga("weigh", 1, (Step("weigh", _weigh),))
