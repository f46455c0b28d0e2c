"""The currencies of ISO 4217 that customers pay with, and how many decimals each has.

Source: ISO 4217 list one (active codes) as it is from 2026-01-01 on, with its amendments up to that day;
list three (withdrawn codes) for what was replaced since 2015. A release of ours takes a code from the
active ones to the withdrawn ones when it is withdrawn there: stored orders stay readable.
"""

_TWO_DECIMALS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD
MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON
RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

_ACTIVE: dict[str, int] = {
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
}

_READABLE_ONLY = {"ANG": 2, "BGN": 2}
"""Withdrawn codes in which earlier releases took orders."""

DECIMALS: dict[str, int] = {**_ACTIVE, **_READABLE_ONLY}
"""How many decimals each currency has in which there may be an order, now or of old."""

_REPLACED = {
    "ANG": ("XCG", "2025-03-31"),
    "BGN": ("EUR", "2026-01-01"),
    "BYR": ("BYN", "2016-07-01"),
    "CUC": ("CUP", "2021-01-01"),
    "HRK": ("EUR", "2023-01-01"),
    "LTL": ("EUR", "2015-01-01"),
    "MRO": ("MRU", "2018-01-01"),
    "SLL": ("SLE", "2022-07-01"),
    "STD": ("STN", "2018-01-01"),
    "VEF": ("VES", "2018-08-20"),
    "ZWL": ("ZWG", "2024-06-25"),
}
"""What a withdrawn currency was replaced by, and when."""

_FUNDS = "BOV CHE CHW CLF COU MXV USN UYI UYW XAD XDR XSU XUA"
_METALS = "XAG XAU XPD XPT"
_BOND_UNITS = "XBA XBB XBC XBD"
_NO_MONEY = {
    **dict.fromkeys(_FUNDS.split(), "is a unit of account or a fund, not money that a customer can pay with"),
    **dict.fromkeys(_METALS.split(), "is a metal by weight, not money that a customer can pay with"),
    **dict.fromkeys(_BOND_UNITS.split(), "is a bond market unit, not money that a customer can pay with"),
    "XTS": "is kept for tests",
    "XXX": "means that there is no currency",
}
"""Codes of the list that nobody pays with, and why."""


def why_refused(code: str) -> str | None:
    """Why there can be no new order in this currency, or None when there can."""
    if code in _ACTIVE:
        return None
    if code in _REPLACED:
        successor, day = _REPLACED[code]
        return f"{code} was replaced by {successor} on {day}"
    if code in _NO_MONEY:
        return f"{code} {_NO_MONEY[code]}"
    return f"{code!r} is not an active ISO 4217 currency code"
