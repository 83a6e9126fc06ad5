"""A labelled set of utterances in calls about used cars and loans: personal data, and figures that have to survive.

A carrier is a sentence with slots; `|` is where the other side begins to speak. There are four sets of carriers, each
with its own ways of saying values, and a fifth way for all carriers: see `Ways` in calls_pii_ways.py.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.calls_pii_values import FIGURES, PERSONAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.calls_pii_ways import Ways

TUNED = (
    # phone
    "My number is {phone}.",
    "Can I have your mobile number please? | Yes sir, it is {phone}.",
    "Please call me back on {phone} after {clock}.",
    "You can WhatsApp me at {phone}, that is my personal number.",
    "{phone} is my number, please note it down.",
    "My wife's contact number is {phone} and mine is {phone}.",
    "Sir alternate number? | Haan ji note kijiye {phone}.",
    "I am calling from {phone}, the car is a {model_year} model and it has run {odometer}.",
    "The office landline is {phone}.",
    "Just give a missed call to {phone} ya.",
    # cards
    "My card number is {card} and the CVV is {cvv}.",
    "The debit card is {card}, expiry next year.",
    "Kindly read out the sixteen digit number on the front. | {card}.",
    "Please pay the booking amount of {price} from the card ending {card_end}.",
    "It was charged to my credit card ending in {card_end}.",
    "The last four digits of my card are {card_end}.",
    "CVV is {cvv} madam.",
    "And the three digits on the back side? | {cvv}.",
    # otp
    "You would have received an OTP, please share it. | It is {otp}.",
    "The OTP is {otp}.",
    "{otp} is the OTP I got.",
    "One time password {otp} aaya hai.",
    "My ATM pin is {otp}, is that safe?",
    "Verification code please. | {otp}.",
    # bank
    "My account number is {account} in HDFC bank, IFSC is {ifsc}.",
    "Transfer it to account {account}, IFSC code {ifsc}.",
    "The EMI of {emi} gets debited from savings account {account}.",
    "Sir bank account number bataiye. | {account}.",
    "The branch IFSC code is {ifsc}, right?",
    "You can send the token money on {upi}.",
    "My UPI id is {upi}.",
    "Google Pay karo, {upi}.",
    # identity
    "My Aadhaar number is {aadhaar}.",
    "Please tell me the Aadhaar for KYC. | Okay, {aadhaar}.",
    "PAN card number is {pan}.",
    "For the loan I need your PAN. | Sure, it's {pan}.",
    "My voter id is {voter_id}.",
    "Passport number {passport}, issued in Delhi.",
    "My driving licence number is {licence}.",
    "The firm's GST number is {gstin}.",
    "DL number bolo. | {licence}.",
    # car
    "The registration number is {plate}.",
    "I want to sell my car, number plate {plate}, {model_year} model, {odometer}.",
    "Which car sir? | Swift, {plate}.",
    "The chassis number is {vin}.",
    "VIN on the RC says {vin}.",
    # mail, links
    "My email id is {email}.",
    "Please send the quotation to {email}.",
    "Mail it to {email} and call me on {phone}.",
    "Click on {url} to complete the KYC.",
    "The payment link is {url}.",
    # birth, places, names
    "My date of birth is {birth_date}.",
    "I was born on {birth_date}.",
    "And your DOB sir? | {birth_date}.",
    "The pin code is {pin_code}.",
    "Pincode batao. | {pin_code}.",
    "My address is {address}.",
    "I stay at {address}, please send the inspector by {clock}.",
    "My name is {person} and I am looking for a {model_year} Creta.",
    "Good morning, this is {person} from the loans team.",
    "Am I speaking with {person}? | Yes, speaking.",
    "Hello Mr. {person}, your loan of {price} is approved.",
    "The nominee's name is {person}.",
    # figures
    "The on-road price is {price} and the EMI comes to {emi} for {tenure}.",
    "It is a {model_year} model, driven {odometer}, asking {price}.",
    "The interest rate is {rate} for {tenure}.",
    "The inspection is at {clock} on {date}.",
    "Your order number is {order}, delivery by {date}.",
    "Can you do {price} final? | No sir, {price} is the last price.",
    "My CIBIL score is {score} and my salary is {price}.",
    "Insurance is valid till {date} and the service was done at {odometer}.",
    "The car was registered in {model_year} and has done {odometer}, single owner.",
    "If you pay {price} down, the EMI is {emi} at {rate}.",
    "I will come at {clock}, my budget is {price}.",
    "The OTP will come in two minutes, meanwhile the price is {price}.",
    "Is the account balance more than {price}? | It is around {price}.",
    "Processing fee is {emi} plus GST at {rate}.",
)

SECOND = (
    "So the best number to reach me on would be {phone}, okay?",
    "Can you drop me a text? | What's the number? | {phone}.",
    "Umm yeah note my number, {phone}, got it?",
    "If I don't pick up try my brother on {phone}.",
    "Previously I had registered with {phone} but now I use {phone}.",
    "We have your registered mobile as {phone}, is that correct?",
    "The long number across the card is {card}.",
    "I used my Visa, that's {card}, and the security code is {cvv}.",
    "Was it the RuPay card that ends with {card_end}? | Correct.",
    "The code at the back is {cvv}.",
    "The SMS says {otp}, I think that is the code you want.",
    "Sir I have sent a six digit code on your registered mobile, could you read it to me once you have it? | Just a "
    "moment, yes, {otp}.",
    "I have set my UPI pin as {otp}.",
    "Beneficiary account is {account}, please do an NEFT.",
    "Refund it to my SBI account, {account}, IFS code {ifsc}.",
    "Can you confirm the account number once? | Yeah so it's {account}.",
    "PhonePe works, the id is {upi}.",
    "You can pay the token to my VPA {upi}.",
    "UIDAI number {aadhaar} is what is printed on it.",
    "I only have my Aadhar with me, it reads {aadhaar}.",
    "What's on your permanent account number card? | It says {pan}.",
    "PAN, capital letters, {pan}.",
    "EPIC number on the election card is {voter_id}.",
    "The passport is {passport}.",
    "On the licence it is written {licence}.",
    "Raise the bill with GSTIN {gstin} please.",
    "It's a Baleno, {plate}, done {odometer} and I want {price}.",
    "Vehicle number? | {plate}.",
    "The engraving on the chassis reads {vin}.",
    "Shoot me a mail, {email}.",
    "You can write to us, our id is {email}, we reply within {tenure}.",
    "I have got this link {url}, is it genuine?",
    "He was born {birth_date}, so he is eligible.",
    "For verification could you tell me your birth date? | Yes, {birth_date}.",
    "Area pin is {pin_code}.",
    "Where should the car be delivered? | {address}.",
    "We live in {address}, near the metro.",
    "{person} here, calling about the Innova.",
    "Is that {person}? | Yes tell me.",
    "Please speak to my husband {person}, he handles the loan.",
    "Thanks for calling, you are talking to {person}.",
    "Just make it {price} and we close it today at {clock}.",
    "They quoted me {price} for a {model_year} one with {odometer} on it.",
    "So {emi} into {tenure}, at {rate}, that is too much yaar.",
    "The papers say {date} but the RC says {model_year}.",
    "Ticket {order} is still open since {date}.",
    "A bureau score of {score} gets you {rate}.",
    "I paid {emi} on {date} and {emi} again, check it.",
    "My card limit is {price} and the phone cost me {emi}.",
    "It was around {price} in {model_year}, now {price}, and the number of owners is two.",
    "Pin it at {price}, the code on the tyre says {model_year}.",
    "Account is overdue by {emi} since {date}.",
    "Service at {odometer}, then again after {tenure}.",
)

THIRD = (
    "Save this one, {phone}, and delete the old one.",
    "Who do I ask for at the showroom? | Ask for the desk, their line is {phone}.",
    "My father will be there, his mobile is {phone}, mine you have.",
    "We tried {phone} twice but nobody picked up.",
    "The bank wants the full card, so {card}, valid thru next June.",
    "I am reading it from the plastic, {card}.",
    "They blocked my card, the one ending {card_end}.",
    "Then it asks for the CVV, which is {cvv}.",
    "Okay OTP has come, {otp}.",
    "Is it {otp}? | Yes that is the OTP.",
    "Enter the passcode {otp} on the screen.",
    "Please credit it to {account}, it is my salary account in Axis.",
    "Which account did the refund go to? | {account}.",
    "The cheque leaf shows account number {account} and IFSC {ifsc}.",
    "I will scan, or you give the UPI, {upi}.",
    "Aadhaar is linked, {aadhaar}, you can check.",
    "Could you key in the Aadhaar number for me? | It goes {aadhaar}.",
    "Income tax PAN is {pan} only.",
    "My voter card says {voter_id}.",
    "I have a passport, number {passport}, will it do?",
    "The driving license {licence} expires soon.",
    "Our GSTIN is {gstin}, put it on the invoice.",
    "It is a white i20, registration {plate}, second owner.",
    "Check the challans on {plate} before you quote.",
    "VIN is {vin} as per the insurance copy.",
    "Drop the papers on {email} today itself.",
    "What's your email? | {email}.",
    "The agent sent me {url} on WhatsApp.",
    "Born on {birth_date}, so fifty plus.",
    "Date of birth as per PAN is {birth_date}.",
    "What is the pincode there? | {pin_code}.",
    "Come and see the car, the address is {address}.",
    "I shifted, now I am staying at {address}.",
    "You are speaking with {person} from the insurance desk.",
    "Myself {person}, I had enquired about the Nexon.",
    "Mr. {person} had signed the form on {date}.",
    "The car is in my wife's name, {person}.",
    "It did {odometer} till {date} and then the clutch went, cost me {emi}.",
    "Finance is available at {rate} up to {tenure}, EMI from {emi}.",
    "Ex-showroom was {price}, I got it for {price} in {model_year}.",
    "Between {price} and {price} I can think about it.",
    "Call me by {clock} or tomorrow after {clock}.",
    "Phone is switched off till {clock}, and the order {order} is still pending.",
    "Your account shows {emi} due on {date}.",
    "I swiped my card for {price} and they want {emi} more.",
    "The registration is from {model_year} and the insurance is till {date}.",
    "My PIN was blocked for {tenure}, the fee was {emi}.",
    "With a score of {score} they offered {price} at {rate}.",
    "In {model_year} it had {odometer}, in {model_year} it has {odometer}.",
)

FOURTH = (
    "Take this down please, {phone}.",
    "Best is to ring {phone}, any time before {clock}.",
    "It should be under my number, try {phone}.",
    "He gave you {phone}, correct? | That's his old one, now it is {phone}.",
    "On WhatsApp I am at {phone}.",
    "Swipe did not work so I keyed in {card} and then {cvv} for CVV.",
    "Master card or Visa? | Visa, {card}.",
    "Debit happened on the card that ends in {card_end}.",
    "I got two messages, first OTP was {otp}, second OTP is {otp}.",
    "Tell me the four digit PIN. | {otp}.",
    "Salary comes to account {account} with IFSC {ifsc}.",
    "Please read back the account number. | {account}, that is right.",
    "Scan nahi ho raha, UPI bolo. | {upi}.",
    "KYC needs Aadhaar, mine is {aadhaar}.",
    "PAN is mandatory sir. | Note it, {pan}.",
    "Voter id number {voter_id} I can give.",
    "Passport I have, {passport}.",
    "License number on the card, {licence}.",
    "GST number for the dealership is {gstin}.",
    "The Thar with plate {plate}, how much would I get? | About {price}.",
    "Chassis number from the RC, {vin}.",
    "Quotation on mail please, {email}, by {clock}.",
    "What does the message say? | It says open {url} now.",
    "Date of birth? | {birth_date}.",
    "Pin code of your area? | {pin_code}.",
    "Send the driver to this address, {address}.",
    "My name is {person}, I spoke to you about the {model_year} Verna.",
    "I am {person}, owner of the car.",
    "Kindly connect me to Ms. {person} in finance.",
    "Down payment {price}, then {emi} for {tenure} at {rate}.",
    "It is at {odometer} now, bought in {model_year} for {price}.",
    "Meet me on {date} at {clock}, the balance is {price}.",
    "They said {score} is a good score, loan up to {price}.",
    "Tyres were changed at {odometer}, that cost {emi}, and insurance was {emi}.",
    "My account was charged {emi} twice on {date}, ticket {order}.",
)

_SLOT = re.compile(r"\{(\w+)\}")
_PUNCTUATION = ".,?!"


@dataclass(frozen=True)
class Label:
    """What stands where.

    Attributes:
        kind: of personal data, or of a figure.
        secret: as a form would have it.
        first: its first word.
        last: its last word, included.
        is_personal: else it has to survive.
    """

    kind: str
    secret: str
    first: int
    last: int
    is_personal: bool


@dataclass(frozen=True)
class Utterance:
    """A few words of a call, with what is in them."""

    carrier: str
    words: tuple[str, ...]
    labels: tuple[Label, ...]


def draw_set(carriers: Sequence[str], *, each: int, ways: Ways, seed: int) -> list[Utterance]:
    """Every carrier so many times.

    Args:
        carriers: TUNED, SECOND, THIRD or FOURTH.
        each: how often a carrier is filled.
        ways: how to say values.
        seed: of the draw.
    """
    draw = random.Random(seed)
    return [_fill(draw, carrier, ways=ways) for carrier in carriers for _ in range(each)]


def _fill(draw: random.Random, carrier: str, *, ways: Ways) -> Utterance:
    """One half as a recognizer of speech without punctuation writes it, one half with."""
    bare = draw.random() < 0.5
    words: list[str] = []
    labels: list[Label] = []
    at = 0
    for slot in _SLOT.finditer(carrier):
        words += _said(carrier[at : slot.start()], bare=bare)
        name, at = slot.group(1), slot.end()
        is_personal = name in PERSONAL
        value = (PERSONAL | FIGURES)[name](draw, ways=ways)
        said = value.said.lower() if bare and value.kind in ("person", "address", "birth_date") else value.said
        if bare and value.kind == "address":
            said = said.replace(",", "")
        first = len(words)
        words += said.split()
        labels.append(Label(value.kind, value.secret, first, len(words) - 1, is_personal))
        if at < len(carrier) and carrier[at] in _PUNCTUATION:
            if not bare:
                words[-1] += carrier[at]
            at += 1
    words += _said(carrier[at:], bare=bare)
    return Utterance(carrier, tuple(words), tuple(labels))


def _said(text: str, *, bare: bool) -> list[str]:
    text = text.replace("|", " ")
    if bare:
        text = re.sub(r"[.,?!](?=\s|$)", " ", text).lower()
    return text.split()
