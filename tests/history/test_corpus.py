"""Stories that were harvested from stores, of this release and the first one, are borne by the present code.

Each sample is a test of its own: it is brought up to date, folded into its aggregate, projected into every
read model that follows it, told by `explain` and audited, and the audit says what it said then. Snapshots are
in it as soon as applications load their aggregates from them.

`make test CORPUS=FOLDER` does the same with a corpus of your own.
"""

from pathlib import Path

import pytest

from system.catalogue.corpus import Corpus, Sample, Story, samples_of
from system.catalogue.trial import tried
from tests.history.gather import CORPUS
from tests.history.samples import recorded_event_types, version_of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each sample, of the corpus that is kept here and of those that are named."""
    if "sample" not in metafunc.fixturenames:
        return
    cases = []
    for folder in (CORPUS, *map(Path, metafunc.config.getoption("--corpus"))):
        corpus = Corpus(folder)
        corpus.check()
        for name, story, sample in samples_of(corpus):
            identity = f"{folder.name}-{name}-{sample.type}.v{sample.class_version}-{sample.shape}"
            cases.append(pytest.param(story, sample, id=identity))
    metafunc.parametrize(("story", "sample"), cases)


def test_a_sample_is_borne_by_the_present_code(story: Story, sample: Sample) -> None:
    with tried(story) as trial:
        trial.bear(sample)


def test_the_corpus_that_is_kept_has_what_the_first_release_stored() -> None:
    known = {(sample.type, sample.class_version) for _, _, sample in samples_of(Corpus(CORPUS))}
    of_old = {topic for topic, event in recorded_event_types().items() if version_of(event) > 1}

    assert len(known) > 50
    assert {topic for topic, version in known if version == 1} & of_old >= {
        "Order.Created",
        "Payment.RefundRequested",
        "Payment.ChargeAttemptFailed",
        "Payment.ChargeUnanswered",
        "Fulfilment.PaymentRequested",
        "Fulfilment.StepAttemptFailed",
    }
