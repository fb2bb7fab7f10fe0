"""Meanings: which purposes each wish refuses, and why; the one table that decides."""

from __future__ import annotations

from dataclasses import dataclass

from pixcrawler.domain.purpose import Purpose

EVERY = frozenset(Purpose)
TRAINING = frozenset({Purpose.RECOGNITION, Purpose.GENERATIVE})
GENERATIVE = frozenset({Purpose.GENERATIVE})
NOBODY: frozenset[Purpose] = frozenset()


@dataclass(frozen=True)
class Meaning:
    """What one wish comes to."""

    refused: frozenset[Purpose]
    """Purposes that it refuses; none: it is told, nothing more."""
    because: str


ROBOTS_DISALLOW = Meaning(EVERY, "RFC 9309 is about fetching at all, whatever for")
ROBOTS_UNAVAILABLE = Meaning(
    EVERY, "RFC 9309, 2.3.1.4: while it is not known what a site wishes, all is disallowed"
)

_NOT_FOR_AI = "no use by AI, and every dataset is made for training or may be"
_NOT_FOR_ANY_INDEX = "not to be gathered into any collection that others search"
X_ROBOTS = {
    "noai": Meaning(EVERY, _NOT_FOR_AI),
    "noimageai": Meaning(EVERY, _NOT_FOR_AI),
    "noindex": Meaning(EVERY, _NOT_FOR_ANY_INDEX),
    "noimageindex": Meaning(EVERY, _NOT_FOR_ANY_INDEX),
    "none": Meaning(EVERY, "it is short for noindex, nofollow"),
    "unavailable_after": Meaning(EVERY, "from then on it is noindex"),
}
"""Words of X-Robots-Tag; all others refuse nothing."""

_RESERVED = (
    "the reservation of Directive (EU) 2019/790, article 4; article 3, mining for scientific "
    "research, knows none"
)
TDM_RESERVATION = {
    1: Meaning(TRAINING, _RESERVED),
    0: Meaning(NOBODY, "rights are not reserved"),
}
"""Values of tdm-reservation."""

TRAIN_AI = {
    "n": Meaning(GENERATIVE, "by its definition, train-ai is models that generate"),
    "y": Meaning(NOBODY, "it is allowed"),
}
"""Values of Content-Usage's train-ai."""

_NOT_AT_ALL = "no mining at all"
_UNLESS = "no mining but on terms that no machine can judge"
DATA_MINING = {
    "DMI-PROHIBITED": Meaning(EVERY, _NOT_AT_ALL),
    "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING": Meaning(EVERY, "we are no search engine"),
    "DMI-PROHIBITED-SEECONSTRAINT": Meaning(EVERY, _UNLESS),
    "DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR": Meaning(EVERY, _UNLESS),
    "DMI-PROHIBITED-SEELINKEDRIGHTSEXPR": Meaning(EVERY, _UNLESS),
    "DMI-PROHIBITED-AIMLTRAINING": Meaning(EVERY, _NOT_FOR_AI),
    "DMI-PROHIBITED-GENAIMLTRAINING": Meaning(GENERATIVE, "only models that generate"),
    "DMI-ALLOWED": Meaning(NOBODY, "it is allowed"),
    "DMI-UNSPECIFIED": Meaning(NOBODY, "nothing is said"),
}
"""Values of plus:DataMining, without the address of their vocabulary."""

TRAINING_MINING = {
    "data_mining": Meaning(EVERY, _NOT_AT_ALL),
    "ai_training": Meaning(EVERY, _NOT_FOR_AI),
    "ai_generative_training": Meaning(GENERATIVE, "only models that generate"),
    "ai_inference": Meaning(NOBODY, "asking a model about a picture is no training"),
}
"""Entries of C2PA's and CAWG's training-mining, without prefix, where their use is not allowed."""

NOT_ALLOWED = frozenset({"notAllowed", "constrained"})
"""Uses that refuse: CAWG 1.1 has ``constrained`` mean the same, as long as no more is known."""
