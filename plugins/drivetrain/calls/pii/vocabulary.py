"""Words that people say between digits, beside amounts, and for digits and letters: English as India speaks it."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """Words that stand between blanks: lists of a hundred are easier read so."""
    return frozenset(text.split())


def phrases(text: str) -> tuple[tuple[str, ...], ...]:
    """The words of phrases that stand between bars."""
    return tuple(tuple(phrase.split()) for phrase in text.split("|"))


DIGIT_WORDS = {
    word: str(digit)
    for digit, words in enumerate(
        ("zero nought naught nil", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine niner")
    )
    for word in words.split()
}
_FIRST_NUMBERS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
TEENS = {word: str(number) for number, word in enumerate(_FIRST_NUMBERS.split(" "), 10)}
TENS = {
    word: str(number)
    for number, words in enumerate(
        ("twenty", "thirty", "forty fourty", "fifty", "sixty", "seventy", "eighty", "ninety ninty"), 2
    )
    for word in words.split()
}
# In Latin letters and in Devanagari. "do" and "teen" are English words, too: they count next to others of these.
HINDI_DIGITS = {
    word: str(digit)
    for digit, words in enumerate(
        (
            "shunya sunya शून्य", "ek एक", "do दो", "teen तीन", "char chaar चार", "panch paanch पांच पाँच",
            "chhe chhah chah che छह छः छे", "saat सात", "aath आठ", "nau नौ",
        )
    )
    for word in words.split()
}  # fmt: skip
REPEATS = {"double": 2, "triple": 3, "treble": 3, "thrice": 3, "quadruple": 4}
# Names that are no words of a sentence: why, are, you and see are left out.
LETTER_NAMES = {
    "aitch": "H", "haitch": "H", "em": "M", "en": "N", "ess": "S", "ex": "X", "el": "L", "ef": "F", "eff": "F",
    "bee": "B", "cee": "C", "dee": "D", "gee": "G", "jay": "J", "kay": "K", "pee": "P", "queue": "Q", "ar": "R",
    "tee": "T", "vee": "V", "zed": "Z", "zee": "Z",
}  # fmt: skip
FILLERS = word_set(
    "uh um umm uhm er erm ah aah hmm hm mm mhm eh okay ok okey yes yeah yep ya yah yup right correct sir madam mam "
    "maam ma'am ji haan han haa haanji no nope nahi sorry wait again repeat mean then next that dash hyphen space "
    "minus like so well please actually oops hold aur phir matlab got it continue ahead sure fine theek hai comma "
    "exactly also - – — / achha acha accha mm-hmm uh-huh bhai boss bas bilkul noted listening"
)
# They have a number or a unit in them, and say nothing of either.
PAUSES = frozenset(
    phrases(
        "one minute|one second|one sec|one moment|just a second|just a minute|just a moment|just a sec|a second|"
        "a minute|a moment|a sec|two minutes|two seconds|one more time|ek minute|ek second|just one second|"
        "just one minute|just one moment|wait a minute|wait a second|once more|one more|i mean|i think|i guess|"
        "i repeat|after that|go on|carry on|go ahead|tell me|next is|next one|let me repeat|i say again|say again|"
        "mm hmm|uh huh|got that|got it"
    )
)
# Also two and four as a recognizer of speech may hear them.
BRIDGES = word_set("and to too for or ate won")
MAGNITUDES = word_set("hundred thousand lakh lakhs lac lacs crore crores million billion hazaar hazar")
UNITS = word_set(
    "rupees rupee rs inr paise bucks percent percentage % km kms kilometer kilometers kilometre kilometres miles "
    "month months monthly year years day days week weeks hour hours minute minutes min mins seconds o'clock "
    "oclock am pm a.m p.m model cc bhp seater litre litres liter liters kmpl inch inches owner owners point times "
    "onwards points saal mahine"
)
# Written in capitals, and yet no letters of an identifier.
ACRONYMS = word_set(
    "kyc ifs otp cvv cvc pan rc gst gstin ifsc vin upi vpa emi dob id sms noc cng suv sbi icici rto puc cibil neft "
    "imps rtgs atm pin sir ok okay usa uk mg bmw vw xuv tv ac abs km kms rs inr pm am faq app uidai epic oem"
)
# Short words that are no letters of an identifier.
SHORT_WORDS = word_set(
    "a i is in at to of my me the and for it on no or so we he by am as an you are was has had his her him she its "
    "our out off not but can did do does get got go how if may new now old one own per put run say see set six ten "
    "two too use who why yes yet all any car ye ka ki ke ko hi ho se na mr ms mrs sir bhi toh kya km kms rs pan rc dl "
    "gst vin otp cvv emi upi dob id via day let end old age last name"
)
