"""The currencies are those of the list that the code names: none is missing, and each has its decimals."""

import pytest

from domain.shared.currencies import DECIMALS, why_refused
from domain.shared.money import UnknownCurrency, check_new_currency

LIST_ONE = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
        CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
        HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
        MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
        RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
        USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
    None: "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX",
}
"""ISO 4217 list one as published on 2026-01-01: by their minor units, the codes in it."""

OF_THE_LIST = set(" ".join(LIST_ONE.values()).split())
MONEY = sorted(code for code in OF_THE_LIST if why_refused(code) is None)


@pytest.mark.parametrize("minor_units", LIST_ONE)
def test_each_code_is_taken_with_its_decimals_or_refused_with_the_reason(minor_units: int | None) -> None:
    for code in LIST_ONE[minor_units].split():
        if code in MONEY:
            assert DECIMALS[check_new_currency(code)] == minor_units, code
        else:
            with pytest.raises(UnknownCurrency, match=f"^{code} (is|means) "):
                check_new_currency(code)


def test_the_money_of_the_list_is_most_of_it() -> None:
    assert len(MONEY) == 155


def test_no_order_is_placed_in_what_the_list_does_not_have() -> None:
    assert {code for code in DECIMALS if why_refused(code) is None} == set(MONEY)
