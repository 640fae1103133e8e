"""Whether the clocks of two machines agree, by the header `Date`."""

from datetime import timedelta

from registry_auth.doctor.findings import Finding, fine, warning
from registry_auth.doctor.web import Response

# Registries accept a token a minute before its beginning and after its end, and tokens begin half a minute early. Half of a minute is
# still far from that, and more than a slow answer makes.
AGREEMENT = timedelta(seconds=30)


def examine_clock(check: str, whose: str, response: Response) -> list[Finding]:
    """Compare the clock of whoever answered with ours; nothing where the answer has no time. `whose` begins a sentence: `Its clock`."""
    skew = response.clock_skew
    if skew is None:
        return []
    if abs(skew) <= AGREEMENT:
        return [fine(check, f"{whose} agrees with this machine's.")]
    return [
        warning(
            check,
            f"{whose} is {skew_in_words(skew)} this machine's.",
            "A registry refuses tokens whose times it takes to be more than a minute off.",
            "Set the clocks of both machines by NTP.",
        )
    ]


def skew_in_words(skew: timedelta) -> str:
    """Say how far a clock is off: `95 seconds ahead of`, `3 hours behind`."""
    seconds = abs(round(skew.total_seconds()))
    amount, unit = next((round(seconds / size), unit) for size, unit in _UNITS if seconds >= 2 * size or size == 1)
    return f"{amount} {unit} {'ahead of' if skew > timedelta() else 'behind'}"


_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))
