"""A harvest has one sample of everything that is stored, nothing of the shop, and is borne by the code."""

import json
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.shared.ids import stock_item_id
from system.bootstrap import Orderwright, build
from system.catalogue import harvest as module
from system.catalogue.corpus import Corpus, CorpusEvent, NoCorpus, Story, samples_of
from system.catalogue.fields import FIELDS, Masked
from system.catalogue.harvest import harvest
from system.catalogue.masking import WORDS
from system.catalogue.shapes import name_of, shape_of
from system.catalogue.trial import SampleFails, tried
from system.settings.environment import Settings
from tests.support.clocks import StandingClock
from tests.support.damage import change, truncated
from tests.support.running_shop import Shop
from tests.support.settled import add_settled_orders
from tests.support.ways import ByHand

Environment = dict[str, str]

SECRETS = (
    "ada-lovelace",
    "TEAPOT-OF-ADA",
    "r-1815-12-10",
    "the-first-receipt",
    "she-changed-her-mind",
    "1851.37",
)
"""What the shop would not like to see elsewhere."""


@pytest.fixture
def busy(persistence: Environment, open_way: Callable[..., ByHand], clock: StandingClock) -> Orderwright:
    """A shop on every store in which orders were confirmed, cancelled, refused and declined."""
    shop = Shop(open_way(ByHand, persistence, None, clock))
    fill(shop)
    return shop.orderwright


def fill(shop: Shop) -> None:
    """Something of each kind, all of it secret."""
    shop.receive("TEAPOT-OF-ADA", 10, command_id="the-first-receipt")
    shop.order(("TEAPOT-OF-ADA", 2, "1851.37"), customer="ada-lovelace", ref="r-1815-12-10")
    confirmed = shop.order(("TEAPOT-OF-ADA", 1, "1851.37"), customer="ada-lovelace")
    shop.order(("TEAPOT-OF-ADA", 100, "1851.37"), customer="ada-lovelace")
    shop.order(("TEAPOT-OF-ADA", 1, "1851.37"), customer="ada-lovelace", pays="pm_declined")
    shop.settle()
    shop.cancel(confirmed, "she-changed-her-mind")
    shop.settle()


def kinds_in(orderwright: Orderwright) -> set[tuple[str, int, str]]:
    """Every type, version and shape that is stored."""
    return {
        (row[2], state.get("class_version", 1), name_of(shape_of(state)))
        for application in orderwright.applications.values()
        for row in application.recorder.select_log(0, 10_000)
        for state in [json.loads(row[3])]
    }


def sampled(folder: Path) -> set[tuple[str, int, str]]:
    """Every type, version and shape of which there is a sample."""
    return {(one.type, one.class_version, one.shape) for _, _, one in samples_of(Corpus(folder))}


def test_there_is_one_sample_of_every_type_version_and_shape(busy: Orderwright, tmp_path: Path) -> None:
    report = harvest(busy, tmp_path / "corpus")

    assert report.left_out == ()
    assert sampled(tmp_path / "corpus") == kinds_in(busy)
    assert len(samples_of(Corpus(tmp_path / "corpus"))) == report.samples == len(kinds_in(busy))


def test_nothing_of_the_shop_is_left_in_it(busy: Orderwright, tmp_path: Path) -> None:
    harvest(busy, tmp_path / "corpus")

    text = "".join(path.read_text() for path in (tmp_path / "corpus").rglob("*.json"))
    left = [secret for secret in SECRETS if secret in text]
    assert left == []
    assert texts_of(busy) & set(re.findall(r'"((?:[^"\\]|\\.)*)"', text)) == set()


def texts_of(orderwright: Orderwright) -> set[str]:
    """Every text, id, amount and time in the payloads of a store; without our own words."""
    states = [
        json.loads(row[3])
        for application in orderwright.applications.values()
        for row in application.recorder.select_log(0, 10_000)
    ]
    names = {"uuid_hex", "datetime_iso", "decimal_str", "date_iso", "order_line", "product_quantity"}
    return set(_texts(states)) - WORDS - names - {"reserved_line"}


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(item)


def test_shapes_stay_as_they_are(busy: Orderwright, tmp_path: Path) -> None:
    harvest(busy, tmp_path / "corpus")
    for _, story, sample in samples_of(Corpus(tmp_path / "corpus")):
        assert name_of(shape_of(story.events[sample.event].state)) == sample.shape


def test_ids_amounts_and_streams_still_fit(filled: Story) -> None:
    created = next(one.state for one in filled.events if one.type == "Order.Created")
    requested = next(one.state for one in filled.events if one.type == "Payment.Requested")
    started = next(one.state for one in filled.events if one.type == "Fulfilment.Started")

    assert created["total"] == requested["amount"] == started["amount"]
    assert created["event_id"] == started["causation_id"]
    assert created["correlation_id"] == filled.order_id == requested["correlation_id"]
    line = created["items"][0]["_data_"]
    assert created["total"]["_data_"] == f"{float(line[2]) * line[1]:.2f}"


@pytest.fixture
def filled(shop: Shop, tmp_path: Path) -> Story:
    """The first story of a corpus: of an order with a reference."""
    fill(shop)
    harvest(shop.orderwright, tmp_path / "corpus")
    (_, story), *_ = Corpus(tmp_path / "corpus").stories()
    return story


def test_the_audit_and_the_order_stand_as_they_did(filled: Story) -> None:
    with tried(filled) as trial:
        verdict = trial.verdict()
    assert verdict is not None
    assert (verdict.status, verdict.rules) == ("CONFIRMED", ())


@pytest.mark.parametrize(
    ("planted", "stage"),
    [
        ({"class_version": 9}, "read and brought up to date"),
        ({"currency": 7}, "read and brought up to date"),
        ({"total": {"_type_": "decimal_str", "_data_": "0.005"}}, "folded into its aggregate"),
    ],
)
def test_a_sample_that_the_code_does_not_bear_says_where_it_failed(
    filled: Story, planted: dict[str, Any], stage: str
) -> None:
    sample = next(one for one in filled.samples if one.type == "Order.Created")
    events = list(filled.events)
    events[sample.event] = replace(events[sample.event], state={**events[sample.event].state, **planted})

    with tried(replace(filled, events=tuple(events))) as trial, pytest.raises(SampleFails) as error:
        trial.bear(sample)

    assert str(error.value).startswith(
        f"Order.Created in version 2, shape {sample.shape} cannot be {stage}: "
    )


def test_a_story_that_the_audit_judges_otherwise_fails(filled: Story) -> None:
    assert filled.verdict is not None
    other = replace(filled, verdict=replace(filled.verdict, rules=("confirmed_is_paid",)))
    with tried(other) as trial, pytest.raises(SampleFails, match="audited as it was before"):
        trial.bear(filled.samples[0])


def test_a_projection_that_cannot_bear_a_sample_is_found(
    filled: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("cannot bear it")

    with tried(filled) as trial:
        monkeypatch.setattr("system.followers.projection.Projection.handle", fails)
        with pytest.raises(SampleFails, match="cannot be projected: ValueError: cannot bear it"):
            trial.bear(filled.samples[0])


# What is not known how to mask


@pytest.mark.parametrize("name", ["customer_id", "total", "timestamp", "order_id"])
def test_what_would_stay_as_it_is_without_being_a_number_of_ours_is_left_out(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fill(shop)
    monkeypatch.setitem(FIELDS, name, replace(FIELDS[name], masked=Masked.STAYS))

    report = harvest(shop.orderwright, tmp_path / "corpus")

    assert any(f"in '{name}', of which it is not known how to mask it" in one.why for one in report.left_out)
    text = "".join(path.read_text() for path in (tmp_path / "corpus").rglob("*.json"))
    assert "ada-lovelace" not in text


def test_a_field_that_nobody_knows_is_never_given_away(shop: Shop, tmp_path: Path) -> None:
    order = shop.order("TEA", customer="ada-lovelace")
    change(
        shop.orderwright,
        "Orders",
        order,
        1,
        state=lambda state: json.dumps({**json.loads(state), "telephone": "0800"}).encode(),
    )

    report = harvest(shop.orderwright, tmp_path / "corpus")

    assert "Order.Created has a field 'telephone'" in report.left_out[0].why
    assert sampled(tmp_path / "corpus") == set()


# Folders, streams and stores of all kinds


def test_a_folder_that_holds_something_else_is_refused(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_text("sunny")
    with pytest.raises(NoCorpus, match="is no corpus: name an empty folder"):
        harvest(shop.orderwright, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]


def test_a_corpus_of_another_format_is_refused(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "corpus.json").write_text(json.dumps({"format": "orderwright corpus", "version": 99}))
    with pytest.raises(NoCorpus, match="of another format"):
        harvest(shop.orderwright, tmp_path)


def test_a_second_harvest_adds_what_is_missing_and_no_more(shop: Shop, tmp_path: Path) -> None:
    shop.receive("TEAPOT", 10)
    first = harvest(shop.orderwright, tmp_path)
    again = harvest(shop.orderwright, tmp_path)
    fill(shop)
    last = harvest(shop.orderwright, tmp_path)

    assert (first.samples, again.samples, again.known) == (2, 0, 2)
    assert last.known == 2
    assert sampled(tmp_path) == kinds_in(shop.orderwright)


def test_stopped_in_the_middle_it_goes_on(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop)
    add = Corpus.add

    def stops(corpus: Corpus, story: Story) -> str:
        if len(list(corpus.stories())) == 2:
            raise KeyboardInterrupt
        return add(corpus, story)

    with monkeypatch.context() as patch:
        patch.setattr(Corpus, "add", stops)
        with pytest.raises(KeyboardInterrupt):
            harvest(shop.orderwright, tmp_path)
    harvest(shop.orderwright, tmp_path)

    assert sampled(tmp_path) == kinds_in(shop.orderwright)


def test_its_files_can_be_used_by_their_owner_alone(shop: Shop, tmp_path: Path) -> None:
    shop.order("TEA")
    harvest(shop.orderwright, tmp_path / "corpus")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "corpus").rglob("*")}
    assert modes == {"corpus.json": 0o600, "stories": 0o700, "00001.json": 0o600}


def test_of_a_stream_that_is_too_long_the_sample_stands_alone(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST", 2)
    add_settled_orders(shop.orderwright, 3)

    harvest(shop.orderwright, tmp_path)

    alone = [story for _, story in Corpus(tmp_path).stories() if not story.is_whole]
    assert sampled(tmp_path) == kinds_in(shop.orderwright)
    assert {story.events[0].type for story in alone} >= {"StockItem.Reserved"}
    assert all(len(story.events) == 1 for story in alone)


def test_the_beginning_of_a_products_stream_comes_with_it(shop: Shop, tmp_path: Path) -> None:
    fill(shop)
    harvest(shop.orderwright, tmp_path)

    stories = [story for _, story, one in samples_of(Corpus(tmp_path)) if one.type == "StockItem.Reserved"]
    (events,) = [story.events for story in stories]
    assert [event.stream_version for event in events] == list(range(1, len(events) + 1))
    sku = events[0].state["sku"]
    assert {event.stream_id for event in events} == {str(stock_item_id(sku))}


def test_what_cannot_be_read_is_left_out_and_named(shop: Shop, tmp_path: Path) -> None:
    fill(shop)
    bad = shop.order("TEA")
    change(shop.orderwright, "Orders", bad, 1, state=truncated)

    report = harvest(shop.orderwright, tmp_path)

    assert [(one.type, one.application) for one in report.left_out] == [("Order.Created", "Orders")]
    assert "cannot be decoded" in report.left_out[0].why


@pytest.mark.parametrize(
    "sealed",
    [
        {"COMPRESSOR_TOPIC": "zlib"},
        {"CIPHER_TOPIC": "eventsourcing.cipher:AESCipher", "CIPHER_KEY": "aHVudGVyNGh1bnRlcjRodQ=="},
    ],
    ids=["compressed", "encrypted"],
)
def test_a_store_that_is_compressed_or_encrypted_gives_a_plain_corpus(
    on_sqlite: Environment, tmp_path: Path, sealed: Environment
) -> None:
    orderwright = build(Settings.from_environment(on_sqlite | sealed))
    add_settled_orders(orderwright, 2)
    harvest(orderwright, tmp_path / "corpus")
    orderwright.close()

    ((_, story), *_) = Corpus(tmp_path / "corpus").stories()
    assert isinstance(story.events[0], CorpusEvent)
    assert orjson.loads(story.events[0].stored_event.state) == story.events[0].state
