"""Google Trends asked by an AWS Lambda instead of the run's own process: Dagster Pipes between the two.

The context goes into the event, what the Lambda says comes back in the last 4 KB of its log. That is for people; what
the run goes by is the answer and the store, which no long log can cut.
"""

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from elec_assets.clients.store import Store
from elec_assets.resources import TrendsResource, utc_now

if TYPE_CHECKING:
    from elec_assets.clients.trends_block import Elsewhere, Tables
    from elec_assets.clients.trends_task import TrendsAnswer, TrendsTask
    from elec_assets.clients.trends_told import Told
    from elec_assets.domain.layout_trends import TrendsPlace


class _WithoutOutputs:
    """The context of a step, but that Pipes does not demand an output of every asset.

    Tables record themselves, partition by partition (docs/decisions/0001); Pipes (1.13.27) lets a step of assets end
    only with an output for each.
    """

    has_assets_def = False

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        # That of the op: the asset's own warns of what Pipes asks it for (`run_id`, `job_name`).
        self._context = context.op_execution_context

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the context has
        return getattr(self._context, name)


def asked_by_lambda(
    context: dg.AssetExecutionContext,
    trends: TrendsResource,
    store: Store,
    registry_version: str,
    yield_at: datetime | None,
) -> "Elsewhere | None":
    """What asks elsewhere, if this deployment has it so; None where the run asks itself, or nothing may be asked."""
    if trends.function is None or not trends.on:
        return None
    # boto3 and the clients of dagster-aws take a second: only a run that invokes needs them.
    from dagster_aws.pipes import PipesLambdaClient

    from elec_assets.clients.trends_elsewhere import AskElsewhere
    from elec_assets.clients.trends_function import TrendsFunction
    from elec_assets.clients.trends_loan import Loans
    from elec_assets.clients.trends_task import event_of, task_for

    function = TrendsFunction(trends.function, trends.region)
    pipes = PipesLambdaClient(client=function)

    def task(
        place: "TrendsPlace", tables: "Tables", refresh: datetime | None, invocation: str, told: "Told"
    ) -> "TrendsTask":
        return task_for(
            place,
            store=store.url,
            registry=registry_version,
            tables=tables,
            source=trends.source,
            invocation=invocation,
            stop_after_s=trends.stop_after_s,
            refresh=refresh,
            yield_at=yield_at,
            told=told,
        )

    def invoke(asked: "TrendsTask") -> "TrendsAnswer | None":
        step = cast("dg.AssetExecutionContext", _WithoutOutputs(context))
        pipes.run(function_name=function.name, event=event_of(asked), context=step)
        return function.answer

    return AskElsewhere(
        function=function.name,
        loans=Loans(store, utc_now),
        task=task,
        invoke=invoke,
        named=lambda: secrets.token_hex(8),
        say=context.log.info,
    )
