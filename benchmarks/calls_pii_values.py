"""Personal data that belongs to nobody, valid by its checksums; and figures of cars and loans, which must survive."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stdnum import luhn, verhoeff

from benchmarks.calls_pii_ways import (
    CVV_WAYS,
    LONG,
    MONTHS,
    ORDINALS,
    SHORT,
    TOWNS,
    Ways,
    in_pairs,
    listed,
    number_words,
    one_by_one,
    spelled,
)

if TYPE_CHECKING:
    import random

FIRST = listed(
    "Rahul Priya Amit Sneha Vikram Ananya Suresh Lakshmi Karthik Deepika Mohammed Fatima Gurpreet Harpreet Arjun Kavya "
    "Rohan Meera Sanjay Pooja Venkatesh Divya Imran Ayesha Joseph Maria Nikhil Shreya Rajesh Sunita José Zoë Anaïs "
    "Renée Jürgen Chloé"
)
LAST = listed(
    "Sharma Verma Iyer Nair Reddy Patel Singh Khan Das Banerjee Mukherjee Kulkarni Deshpande Gowda Naidu Chatterjee "
    "Fernandes D'Souza Pillai Menon Joshi Mehta Agarwal Chopra Malhotra Subramaniam Krishnan Bose Müller Gonçalves "
    "Núñez Lefèvre"
)
LOCALITIES = [
    *("Gandhi Nagar", "Sector 14", "MG Road", "Koramangala", "Banjara Hills", "Salt Lake", "Andheri West"),
    *("Vasant Vihar", "Civil Lines", "Anna Nagar", "Kothrud", "Indiranagar", "Malviya Nagar", "Alkapuri"),
]
BUILDINGS = ["Green Heights", "Sai Residency", "Lotus Apartments", "Prestige Towers", "Shanti Kunj", "Palm Enclave"]
STATES = listed("MH KA DL TN UP HR GJ RJ WB TS AP KL MP PB")
BANKS = listed("HDFC ICIC SBIN UTIB KKBK PUNB BARB CNRB YESB IDFB")
HANDLES = {
    "okaxis": "ok axis",
    "oksbi": "ok sbi",
    "okhdfcbank": "ok hdfc bank",
    "okicici": "ok icici",
    "ybl": "y b l",
    "paytm": "paytm",
    "ibl": "i b l",
    "upi": "upi",
}
DOMAINS = listed("gmail.com yahoo.com yahoo.co.in hotmail.com outlook.com rediffmail.com icloud.com cardealz.in")
WMIS = listed("MA3 MAL MAT MA1 MBH MAK MBJ MEX MB1")


@dataclass(frozen=True)
class Value:
    """One planted value.

    Attributes:
        kind: of the personal data.
        secret: as a form would have it.
        said: as the caller says it, or as the transcript writes it; words by blanks.
    """

    kind: str
    secret: str
    said: str


def _digits(draw: random.Random, count: int, first: str = string.digits) -> str:
    return draw.choice(first) + "".join(draw.choice(string.digits) for _ in range(count - 1))


def _letters(draw: random.Random, count: int) -> str:
    return "".join(draw.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(count))


def phone(draw: random.Random, *, ways: Ways) -> Value:
    """Indian mobiles above all; landlines and a few from elsewhere."""
    ways = LONG[ways]
    kind = draw.random()
    if kind < 0.75:
        digits = _digits(draw, 10, "6789")
        prefix = draw.choice(("", "", "", "0", "+91 ", "plus nine one ", "91 "))
        said = draw.choice(ways)(draw, digits)
        if prefix == "0":
            return Value("phone", digits, f"zero {said}" if said[0].isalpha() else f"0{said}")
        return Value("phone", digits, prefix + said)
    if kind < 0.9:
        digits = draw.choice(("080", "022", "011", "044", "020", "040")) + _digits(draw, 8, "2346")
        return Value("phone", digits, draw.choice(ways)(draw, digits))
    digits = draw.choice(("1415555", "4420794", "9715012", "6591234")) + _digits(draw, 4)
    return Value("phone", digits, f"+{digits}" if draw.random() < 0.5 else f"plus {draw.choice(ways)(draw, digits)}")


def card(draw: random.Random, *, ways: Ways) -> Value:
    """Sixteen digits, or American Express's fifteen."""
    start = draw.choice(("4", "4", "51", "55", "37", "6521", "3566"))
    body = start + _digits(draw, (14 if start == "37" else 15) - len(start))
    digits = body + luhn.calc_check_digit(body)
    return Value("card", digits, draw.choice(LONG[ways])(draw, digits))


def card_end(draw: random.Random, *, ways: Ways) -> Value:
    """The last four."""
    digits = _digits(draw, 4)
    return Value("card", digits, draw.choice(SHORT[ways])(draw, digits))


def cvv(draw: random.Random, *, ways: Ways) -> Value:
    """Three digits."""
    digits = _digits(draw, 3)
    return Value("cvv", digits, draw.choice(CVV_WAYS[ways])(draw, digits))


def otp(draw: random.Random, *, ways: Ways) -> Value:
    """Four or six digits."""
    digits = _digits(draw, draw.choice((4, 6)))
    return Value("otp", digits, draw.choice(SHORT[ways])(draw, digits))


def account(draw: random.Random, *, ways: Ways) -> Value:
    """Eleven to sixteen digits, by the bank."""
    digits = _digits(draw, draw.choice((9, 11, 12, 14, 16)), "123456789")
    return Value("account", digits, draw.choice(LONG[ways])(draw, digits))


def aadhaar(draw: random.Random, *, ways: Ways) -> Value:
    """Twelve digits, the last by Verhoeff."""
    body = _digits(draw, 11, "23456789")
    digits = body + verhoeff.calc_check_digit(body)
    return Value("aadhaar", digits, draw.choice(LONG[ways])(draw, digits))


def pan(draw: random.Random, *, ways: Ways) -> Value:
    """ABCPK1234F."""
    text = f"{_letters(draw, 3)}P{_letters(draw, 1)}{_digits(draw, 4, '123456789')}{_letters(draw, 1)}"
    return Value("pan", text, spelled(draw, text, ways=ways))


def ifsc(draw: random.Random, *, ways: Ways) -> Value:
    """HDFC0001234."""
    text = f"{draw.choice(BANKS)}0{_digits(draw, 6, '0')}"
    return Value("ifsc", text, spelled(draw, text, ways=ways))


def voter_id(draw: random.Random, *, ways: Ways) -> Value:
    """WKH1186253."""
    body = _digits(draw, 6)
    text = f"{_letters(draw, 3)}{body}{luhn.calc_check_digit(body)}"
    return Value("voter_id", text, spelled(draw, text, ways=ways))


def passport(draw: random.Random, *, ways: Ways) -> Value:
    """M1234567."""
    text = f"{draw.choice('JKLMNPRSTUVZ')}{_digits(draw, 7, '123456789')}"
    return Value("passport", text, spelled(draw, text, ways=ways))


def licence(draw: random.Random, *, ways: Ways) -> Value:
    """MH12 20110012345."""
    text = f"{draw.choice(STATES)}{draw.randint(1, 60):02}{draw.randint(1990, 2024)}{_digits(draw, 7)}"
    return Value("licence", text, spelled(draw, text, ways=ways))


def gstin(draw: random.Random, *, ways: Ways) -> Value:
    """27AAPFU0939F1ZV."""
    body = f"{draw.randint(1, 36):02}{_letters(draw, 3)}C{_letters(draw, 1)}{_digits(draw, 4, '1234')}"
    body += f"{_letters(draw, 1)}1Z"
    text = body + luhn.calc_check_digit(body, string.digits + string.ascii_uppercase)
    return Value("gstin", text, spelled(draw, text, ways=ways))


def plate(draw: random.Random, *, ways: Ways) -> Value:
    """MH 12 AB 1234, and 22 BH 1234 AA."""
    if draw.random() < 0.1:
        text = f"{draw.randint(21, 25)}BH{_digits(draw, 4, '123456789')}{_letters(draw, 2)}"
    else:
        text = f"{draw.choice(STATES)}{draw.randint(1, 60):02}{_letters(draw, draw.choice((1, 2, 2)))}"
        text += _digits(draw, 4, "123456789")
    return Value("plate", text, spelled(draw, text, ways=ways))


def vin(draw: random.Random, *, ways: Ways) -> Value:
    """Seventeen letters and digits."""
    text = draw.choice(WMIS) + "".join(draw.choice("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(8))
    text += _digits(draw, 6)
    return Value("vin", text, spelled(draw, text, ways=ways))


def email(draw: random.Random, *, ways: Ways) -> Value:
    """Written, and spoken in the Indian way: at the rate."""
    first, last = draw.choice(FIRST[:30]).lower(), draw.choice(LAST[:28]).lower().replace("'", "")
    domain = draw.choice(DOMAINS)
    tail = draw.choice(("", "", str(draw.randint(10, 99)), str(draw.randint(1970, 2005))))
    glue = draw.choice((".", "_", ""))
    text = f"{first}{glue}{last}{tail}@{domain}"
    if draw.random() < 0.35:
        return Value("email", text, text)
    names = {".": " dot ", "_": " underscore ", "": " " if ways else ""}
    tail_said = f" {in_pairs(draw, tail) if ways is Ways.SECOND else tail}" if tail else ""
    at = draw.choice(("at the rate", "at the rate of", "at") if ways else ("at", "at the rate"))
    if ways >= Ways.THIRD:
        spelled = "-".join(first) if draw.random() < 0.5 else " ".join(first)
        return Value("email", text, f"{spelled}{names[glue]}{last}{tail_said} {at} {domain}")
    return Value("email", text, f"{first}{names[glue]}{last}{tail_said} {at} {domain.replace('.', ' dot ')}")


def upi(draw: random.Random, *, ways: Ways) -> Value:
    """rahul@okaxis, by a name or by a phone's number."""
    handle = draw.choice(list(HANDLES))
    if draw.random() < 0.4:
        digits = _digits(draw, 10, "6789")
        name, said = digits, draw.choice(LONG[ways][:4])(draw, digits)
    else:
        name = draw.choice(FIRST[:30]).lower() + draw.choice(("", str(draw.randint(1, 99))))
        said = name
    if draw.random() < 0.4:
        return Value("upi", f"{name}@{handle}", f"{name}@{handle}")
    at = draw.choice(("at the rate", "at")) if ways else "at"
    return Value("upi", f"{name}@{handle}", f"{said} {at} {draw.choice((handle, HANDLES[handle]))}")


def birth_date(draw: random.Random, *, ways: Ways) -> Value:
    """Of grown-ups."""
    day, month, year = draw.randint(1, 28), draw.randint(1, 12), draw.randint(1955, 2004)
    ordinal = ORDINALS[day - 1] if day <= 20 else f"twenty {ORDINALS[day - 21]}"
    suffix = "st" if day in (1, 21) else "nd" if day in (2, 22) else "rd" if day in (3, 23) else "th"
    century = f"{number_words(year // 100)} {number_words(year % 100)}" if year < 2000 else number_words(year)
    said = (
        (
            f"{MONTHS[month - 1][:3]} {day} {year}",
            f"{day}.{month}.{year % 100:02}",
            f"{number_words(day)} {MONTHS[month - 1].lower()} {number_words(year // 100)}-{number_words(year % 100)}"
            if year < 2000
            else f"{day} {MONTHS[month - 1]} {year}",
            f"{day}{suffix} of {MONTHS[month - 1]}, {year}",
        )
        if ways >= Ways.THIRD
        else (
            f"{day:02} {month:02} {year}",
            f"{year}-{month:02}-{day:02}",
            f"{MONTHS[month - 1]} {day}{suffix}, {year}",
            f"{number_words(day)} {number_words(month)} {number_words(year % 100) if year % 100 > 9 else year}",
            f"the {ordinal} of {MONTHS[month - 1].lower()} {century}",
        )
        if ways
        else (
            f"{day:02}/{month:02}/{year}",
            f"{day}-{month}-{year}",
            f"{day}{suffix} {MONTHS[month - 1]} {year}",
            f"{ordinal} {MONTHS[month - 1].lower()} {century}",
            f"{ordinal} of {MONTHS[month - 1].lower()} {century}",
        )
    )
    return Value("birth_date", f"{year}-{month:02}-{day:02}", draw.choice(said))


def pin_code(draw: random.Random, *, ways: Ways) -> Value:
    """Six digits."""
    digits = _digits(draw, 6, "12345678")
    return Value("pin_code", digits, draw.choice(SHORT[ways])(draw, digits))


def address(draw: random.Random, *, ways: Ways) -> Value:
    """House, building, locality, city, and its PIN code."""
    code = _digits(draw, 6, "12345678")
    said_code = draw.choice((code, one_by_one(draw, code)))
    place, city = draw.choice(LOCALITIES), draw.choice(TOWNS)
    number = draw.randint(1, 999)
    said = (
        (
            f"room {number} {draw.choice(BUILDINGS)} opposite the post office {place} {city}, the pin is {said_code}",
            f"{place}, house {number}, first floor, {city}, pin {said_code}",
        )
        if ways >= Ways.THIRD
        else (
            f"door number {number}, {draw.choice(BUILDINGS)}, near the water tank, {place}, {city} {said_code}",
            f"{number} third cross, {place}, {city}, {said_code}",
            f"plot no {number} {draw.choice(BUILDINGS)} behind the temple {place} {city} dash {said_code}",
        )
        if ways
        else (
            f"flat {number}, {draw.choice(BUILDINGS)}, {place}, {city} {said_code}",
            f"house number {number}, {place}, {city}, pin code {said_code}",
            f"B {number}, second floor, {draw.choice(BUILDINGS)}, {place}, {city} {code}",
        )
    )
    return Value("address", code, draw.choice(said))


def person(draw: random.Random, *, ways: Ways) -> Value:
    """First name and surname, or one of them."""
    first, last = draw.choice(FIRST), draw.choice(LAST)
    others = (f"{first} {draw.choice('KMSV')} {last}", f"{first} {last}", first)
    name = draw.choice(others if ways else (f"{first} {last}", f"{first} {last}", first))
    return Value("person", name, name)


def url(draw: random.Random, *, ways: Ways) -> Value:
    """A link that opens without a password."""
    token = "".join(draw.choice(string.ascii_letters + string.digits) for _ in range(20))
    host = draw.choice(("pay.cardealz.in", "loans.example.com", "www.kyc-check.in"))
    path = draw.choice((f"/reset?token={token}", f"/v/{token}", f"/sign?otp={_digits(draw, 6)}&k={token}"))
    return Value("url", token, f"{'http' if ways else 'https'}://{host}{path}")


# What has to survive: figures of cars and loans.


def price(draw: random.Random, *, ways: Ways) -> Value:
    """Of a car."""
    thousands = draw.randint(150, 2500)
    rupees = thousands * 1000
    lakhs = f"{thousands / 100:g}"
    grouped = f"{thousands // 100},{thousands % 100:02},000"
    said = (
        (f"{number_words(rupees)} only", f"Rs. {grouped}", f"{lakhs} lakhs", f"around {rupees} rupees", f"₹{rupees}")
        if ways
        else (
            f"{number_words(rupees)} rupees",
            f"{grouped} rupees",
            f"{lakhs} lakh",
            f"₹{grouped}",
            number_words(rupees),
        )
    )
    return Value("price", str(rupees), draw.choice(said))


def odometer(draw: random.Random, *, ways: Ways) -> Value:
    """In km."""
    km = draw.randint(8, 140) * 1000 + draw.choice((0, 0, 500, 250))
    said = (
        (f"{km} kms", f"{number_words(km)} kilometers", f"{km / 1000:g}k km", f"around {km:,} k m")
        if ways
        else (f"{km:,} km", f"{number_words(km)} kilometres", f"{km} km", f"{number_words(km)} km")
    )
    return Value("odometer", str(km), draw.choice(said))


def model_year(draw: random.Random, *, ways: Ways) -> Value:
    """2008 to 2024."""
    year = draw.randint(2008, 2024)
    words = f"twenty {number_words(year % 100)}" if year >= 2010 else number_words(year)
    return Value("year", str(year), draw.choice((str(year), words) if ways else (str(year), number_words(year))))


def emi(draw: random.Random, *, ways: Ways) -> Value:
    """A month's instalment."""
    rupees = draw.randint(40, 320) * 100 + draw.choice((0, 0, 50, 99))
    said = (
        (f"{rupees}", f"{number_words(rupees)} per month")
        if ways
        else (f"{rupees:,}", number_words(rupees), f"Rs {rupees}")
    )
    return Value("emi", str(rupees), draw.choice(said))


def tenure(draw: random.Random, **_: Ways) -> Value:
    """In months or years."""
    months = draw.choice((12, 24, 36, 48, 60, 72, 84))
    return Value("tenure", str(months), draw.choice((f"{months} months", f"{number_words(months // 12)} years")))


def rate(draw: random.Random, **_: Ways) -> Value:
    """Interest a year."""
    percent = draw.choice((8.5, 9, 9.75, 10.5, 11.25, 13, 14))
    said = (f"{percent:g} percent", f"{percent:g}%", f"{number_words(int(percent))} point five percent")
    return Value("rate", f"{percent:g}", draw.choice(said))


def clock(draw: random.Random, **_: Ways) -> Value:
    """A time of the day."""
    hour, minute = draw.randint(1, 12), draw.choice((0, 15, 30, 45))
    said = (
        f"{hour}:{minute:02} pm",
        f"{number_words(hour)} thirty",
        f"half past {number_words(hour)}",
        f"{hour} o'clock",
    )
    return Value("time", f"{hour}:{minute:02}", draw.choice(said))


def order(draw: random.Random, **_: Ways) -> Value:
    """A short number of the marketplace's own."""
    digits = _digits(draw, 5, "123456789")
    return Value("order", digits, digits)


def date(draw: random.Random, **_: Ways) -> Value:
    """Of a registration, an insurance, a delivery."""
    day, month, year = draw.randint(1, 28), draw.choice(MONTHS), draw.randint(2012, 2027)
    return Value(
        "date", f"{day} {month} {year}", draw.choice((f"{day} {month} {year}", f"{day}th {month}", f"{month} {year}"))
    )


def score(draw: random.Random, **_: Ways) -> Value:
    """Of a credit bureau, or of an inspection."""
    points = draw.randint(600, 850)
    return Value("score", str(points), draw.choice((str(points), number_words(points))))


PERSONAL = {
    maker.__name__: maker
    for maker in (
        phone, card, card_end, cvv, otp, account, aadhaar, pan, ifsc, voter_id, passport, licence, gstin, plate, vin,
        email, upi, birth_date, pin_code, address, person, url,
    )
}  # fmt: skip
FIGURES = {
    maker.__name__: maker for maker in (price, odometer, model_year, emi, tenure, rate, clock, order, date, score)
}
