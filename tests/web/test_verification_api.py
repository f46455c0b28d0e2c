"""What the last verification found, as the API, the metrics and the doctor tell it."""

from dataclasses import replace
from pathlib import Path

import pytest

from system.operations.doctor import examine
from system.settings.environment import Settings
from system.verification.run import verify
from tests.support.clocks import StandingClock
from tests.support.damage import delete
from tests.support.fixtures import Environment, OpenWay, environment_for
from tests.support.running_shop import Shop
from tests.support.ways import ByHand
from tests.web.api import Api
from tests.web.test_metrics import scraped
from web.api.app import create_app

PATH = "/operations/verification"


@pytest.fixture(params=["sqlite", "tuned"])
def environment(request: pytest.FixtureRequest, quick_folder: Path) -> Environment:
    return environment_for(request.param, request, quick_folder)


def told_by_the_doctor(environment: Environment) -> tuple[str, str]:
    (check,) = [check for check in examine(environment).checks if check.name == "verification"]
    return check.status, check.detail


def test_before_the_first_one_there_is_none(environment: Environment, open_way: OpenWay) -> None:
    shop = Shop(open_way(ByHand, environment))
    api = Api(create_app(shop.orderwright).test_client(), shop.orderwright)

    assert api.get(PATH).json == {"last": None, "last_full": None, "resealings": []}
    assert not [name for name in scraped(shop.orderwright) if name.startswith("verification")]
    assert told_by_the_doctor(environment) == ("ok", "none was run yet, see `orderwright store verify`")


def test_what_it_found_is_told_until_another_one_finds_nothing(
    environment: Environment, open_way: OpenWay, clock: StandingClock
) -> None:
    shop = Shop(open_way(ByHand, environment, clock=clock))
    api = Api(create_app(shop.orderwright).test_client(), shop.orderwright)
    order = shop.order("TEA")
    verify(shop.orderwright, sample=0)
    assert api.get(PATH).json["last"]["is_clean"] is True
    assert told_by_the_doctor(environment)[0] == "warning"  # that Friday was long ago

    clock.put_forward(60)
    delete(shop.orderwright, "Orders", order, 1)
    verify(shop.orderwright, sample=0)
    clock.put_forward(60)

    answer = api.get(PATH).json
    assert answer["last_full"] is None
    assert answer["last"]["by_verdict"].keys() == {answer["last"]["findings"][0]["verdict"]}
    assert (
        "backup" in answer["last"]["findings"][0]["advice"]
        or "copy" in answer["last"]["findings"][0]["advice"]
    )
    told = scraped(shop.orderwright)
    assert (told["verification_findings"], told["verification_age_seconds"]) == (1, 60)
    status, detail = told_by_the_doctor(environment)
    assert status == "problem"
    assert "position 1" in detail


def test_seals_that_are_away_take_nothing_else_with_them(
    environment: Environment, open_way: OpenWay, tmp_path: Path
) -> None:
    elsewhere = environment | {
        "SEALS_PERSISTENCE_MODULE": "eventsourcing.postgres",
        "SEALS_POSTGRES_HOST": str(tmp_path),
        "SEALS_POSTGRES_DBNAME": "nowhere",
        "SEALS_POSTGRES_USER": "nobody",
    }
    shop = Shop(open_way(ByHand, environment))
    settings = Settings.from_environment(elsewhere)
    away = replace(shop.orderwright, settings=settings)

    assert scraped(away)["store_up"] == 1
