"""The search for the highest rate that passes (RFC 2544, 26.1): by halves."""

from measure import Failure

KEPT_UP = 0.98  # of a rate, to be that rate
LEAST = 1000  # packets a second


def search(offer, most, resolution):
    """(the highest rate that passed, whether what sends and not what is measured was the limit).
    `offer` takes a rate and returns (the rate that was sent, whether nothing was lost)."""
    best, low, high, limited = 0.0, 0.0, most, True
    rate = high
    while best == 0 or high - low > resolution * high:
        sent, passes = offer(rate)
        if not passes:
            high, limited = rate, False
        else:
            best = max(best, min(rate, sent))
            if sent < KEPT_UP * rate:  # more than can be sent
                low, high, limited = max(low, best), rate, True
            elif rate < high:
                low = rate
            else:
                break
        if high < LEAST:
            raise Failure("packets are lost at every rate; see the trials above")
        rate = (low + high) / 2
    return best, limited
