"""Plurals of English nouns, and no guess where the words may be something else."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inflect import engine

# What a wrong plural finds is noise, and a missing one is no loss: there are other variations.
# So whatever may be a name, Latin, a plural already or nothing that is counted, is left alone.


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SHORTEST = 3
_VOWELS = frozenset("aeiouy")
_JOINED = _words("and at by de for from in la le of on or the to with without")
"""In a phrase with one of these the last word is not the one that is counted."""
_MASS = _words(
    """
    art bacon bamboo barley beef bread butter cement cheese clay clothing coal concrete copper
    corn cotton denim dirt dust equipment fire fog foliage food footwear frost fur garlic gold
    graffiti grain grass gravel hail ham hair hay honey ice iron ivy jewellery jewelry kelp krill
    lace landscape laundry lava leather lichen lightning linen luggage machinery meat mildew milk
    mist moonlight moss mould mud music nature oil pasta plankton pollen popcorn pork porridge rain
    rice rust salt sand scenery seafood seaweed sediment silk silver sky smog smoke snow soil
    spinach steam steel straw sugar sunlight sunshine sushi tea thunder tofu traffic
    velvet vegetation water weather wheat wildlife wine wood wool
    """
)
_IN_S = _words(
    """
    abacus albatross asparagus atlas bus cactus campus canvas circus citrus crocus eucalyptus
    fungus gas hibiscus hippopotamus ibis iris lens lotus minibus narcissus octopus papyrus
    platypus rhinoceros thesaurus tyrannosaurus virus walrus
    """
)
"""Singular, although they end in s."""
_IN_I = _words("bikini kiwi okapi safari ski taxi wapiti")
"""Singular, although they end in i."""
_IN_ING = _words(
    """
    building carving ceiling crossing drawing duckling dumpling dwelling earring gosling herring
    king painting pudding railing ring sapling seedling sling spring starling string swing
    viking wedding wing
    """
)
"""Things, although they end in ing."""
_EPITHETS = (
    *("us", "a", "um", "is", "ii", "ae", "ens", "or", "ur", "ax", "ix", "ex", "es", "eo", "oides"),
    *("orum", "arum", "i", "yx", "ops", "er", "on", "as"),
)
_GENERA = (
    *("us", "um", "is", "ax", "ix", "ex", "ops", "omo", "on", "es", "yx", "as", "thera", "ca"),
    *("ula", "ella", "era", "ia", "ana", "aea", "sser", "cer", "ena", "osa", "inia"),
)
_ENGLISH_ENDS = (
    *("bus", "cactus", "lens", "tower", "flower", "paper", "water", "tractor", "motor", "door"),
    *("feeder", "driver", "player", "cover", "holder", "butterfly", "house", "stall", "pizza"),
    *("balloon", "wagon", "salon", "mirror", "reactor", "doctor", "actor", "sailor", "tutor"),
    *("camera", "sofa", "piazza", "arena", "villa", "gorilla", "zebra", "panda", "koala", "hyena"),
)


def plural_of(keyword: str) -> str | None:
    """Return the English plural of ``keyword``, or None where that is not certain enough."""
    words = keyword.split()
    noun = words[-1] if words else ""
    if not _is_common_noun(noun) or _JOINED.intersection(words) or _is_latin(words):
        return None
    plural = _engine().plural_noun(noun)
    if not plural or plural == noun:
        return None
    return " ".join((*words[:-1], plural))


def _is_common_noun(word: str) -> bool:
    """One that is counted, in the singular; a capital letter makes a name."""
    if len(word) < _SHORTEST or not (word.isascii() and word.isalpha() and word.islower()):
        return False
    if word in _MASS or not _VOWELS.intersection(word):
        return False
    for ending, known in (("ss", None), ("s", _IN_S), ("i", _IN_I), ("ing", _IN_ING)):
        if word.endswith(ending):
            return known is None or word in known
    return not _engine().singular_noun(word)


def _is_latin(words: list[str]) -> bool:
    """Two words that look like genus and species, as in ``erithacus rubecula``."""
    if len(words) < len(("genus", "species")):
        return False
    genus, species = words[-2].lower(), words[-1]
    return (
        genus.endswith(_GENERA) and species.endswith(_EPITHETS) and species not in _ENGLISH_ENDS
    ) or genus == species


@cache
def _engine() -> engine:
    # Imported when first needed: it takes a second, and only this step needs it.
    import inflect  # noqa: PLC0415

    rules = inflect.engine()
    for singular, plural in (("thief", "thieves"), ("monarch", "monarchs"), ("loch", "lochs")):
        rules.defnoun(singular, plural)
    return rules
