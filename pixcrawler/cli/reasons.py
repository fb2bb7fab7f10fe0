"""The reject reasons in plain words; the API sends the keys."""

from __future__ import annotations

REASONS = {
    "unreachable": "the site could not be reached",
    "timed_out": "the site took too long to answer",
    "too_many_redirects": "the address led on and on to other addresses",
    "refused_401_403": "the site does not give the picture to us",
    "gone_404_410": "the picture is no longer there",
    "throttled": "the site asked us to slow down, and still did when we came back",
    "server_error": "the site answered with an error of its own",
    "bad_answer": "the answer was broken or made no sense",
    "address_blocked": "the address is not a public one; we never visit private networks",
    "disallowed_by_site": "the site asks not to be visited by programs (robots.txt)",
    "not_an_image": "what came was no picture, though it said so (often a web page)",
    "unsupported_format": "a picture, but of a format that the job does not take",
    "animated": "a moving picture",
    "truncated": "the picture breaks off before its end",
    "undecodable": "the picture is damaged and cannot be opened",
    "too_small_px": "smaller than filters.min_width x filters.min_height",
    "too_large_bytes": "the file is larger than we download",
    "too_many_pixels": "more pixels than we are willing to open",
    "aspect_out_of_range": "longer or taller than filters.max_aspect_ratio allows",
    "duplicate_exact": "the very same file as a picture that was kept",
    "duplicate_near": "looks the same as a picture that was kept (duplicates.distance)",
    "over_limit": "good, but there were already as many as wanted (max_images)",
    "filter_mismatch": "not of the size, aspect or color that filters ask for, whatever was said",
    "name_unresolved": "there is no such site, or its name could not be looked up",
    "tls_failed": "the site's certificate or its encryption was not acceptable",
    "opted_out": "the site or the author asks not to use the picture for this purpose",
    "robots_unavailable": "the site could not say what programs may visit (robots.txt)",
    "host_suspended": "the site was in trouble, and was left alone for a while",
    "placeholder": "a stand-in that the site gives instead of the picture",
}


def reason_of(word: str) -> str:
    """Return the reason that ``word`` is the beginning of; as it stands where that is none."""
    found = [reason for reason in REASONS if reason.startswith(word.lower())]
    return found[0] if len(found) == 1 else word


def explain(reason: str) -> str:
    """Return the meaning of ``reason``; a reason of a newer server explains itself by its name."""
    return REASONS.get(reason, reason.replace("_", " "))
