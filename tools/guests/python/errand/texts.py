"""Which encoding a file's bytes are in, where nobody says it."""

import codecs
import re

# A UTF-32 mark begins like one of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
KINDS = (b"%PDF-", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"\x7fELF", b"\x00asm", b"SQLite format 3")
SAMPLE = 1 << 16
CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\x0b\x0c\x1a\x1b")

# The letters that each writing uses most, in the encodings that files have it in.
WRITINGS = {
    "оеаинтсрвлкмдпу": ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"),
    "αοιετσνηυρπκμλς": ("cp1253",),
    "יוהלאתרבשמנ": ("cp1255",),
    "المينرتبعدهو": ("cp1256",),
}


# The small words that a text in each language cannot do without.
SMALL = {
    "": "the of and to is in that for with on was are it be by this from have not you",
    "German": "der die das und ist nicht mit von zu den dem ein eine auf für wird im sich werden wir",
    "French": "le la les des et est une un dans pour que qui pas sur du au par avec ne nous",
    "Spanish": "el la los las de y es en que un una para por con no se del su al lo",
    "Italian": "il la i gli le di e è in che un una per con non si del della al sono",
    "Portuguese": "o a os as de e é em que um uma para por com não se do da no na",
    "Dutch": "de het een en van is in dat op te niet met voor zijn er aan wordt ook bij naar",
    "Swedish": "och det att en ett som på är av för med till den inte om har vi de ska kan",
}
SAMPLE_WORDS = 1500


class Unknown(UnicodeError):
    """No encoding that is known fits."""

    __module__ = "builtins"
    __qualname__ = "UnicodeError"

    def __init__(self, path, data):
        if binary(data):
            super().__init__(f"`{path}` is no text: open it with mode 'rb'")
        else:
            super().__init__(f"the encoding of `{path}` cannot be told from its bytes: name it, as in encoding='shift_jis', 'gbk', 'euc_kr', 'cp1250'")


def language(text):
    """The language of a text, by its small words; empty for English, and where it cannot be told."""
    words = re.findall(r"[^\W\d_]+", text[:20_000].lower())[:SAMPLE_WORDS]
    counts = {name: sum(word in small.split() for word in words) for name, small in SMALL.items()}
    name = max(counts, key=counts.get)
    # A name or a quotation in another language is not yet a text in it.
    return name if counts[name] * 8 > len(words) >= 20 and counts[name] > 2 * counts[""] else ""


def guess(data):
    """(encoding, how long its mark is); no encoding where none fits."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    if data.startswith(KINDS):
        return None, 0
    sample = data[:SAMPLE]
    # A stray NUL is one letter of a text; one in each pair of bytes is UTF-16.
    if sample.count(0) * 10 > len(sample):
        return (None if len(data) % 2 else _wide(sample)), 0
    try:
        data.decode("utf-8")
        return "utf-8", 0
    except UnicodeDecodeError:
        pass
    if b"\0" in sample:
        return (None if len(data) % 2 else _wide(sample)), 0
    if _nearly_utf8(sample):
        return "utf-8", 0
    return _narrow(sample), 0


def binary(data):
    """Whether these bytes are no text at all."""
    if data.startswith(KINDS):
        return True
    encoding, _ = guess(data)
    if encoding is None and b"\0" in data[:SAMPLE]:
        return True
    sample = data[:SAMPLE]
    controls = len(sample) - len(sample.translate(None, CONTROLS))
    return not (encoding or "").startswith(("utf-16", "utf-32")) and controls * 100 > len(sample)


def _wide(sample):
    """UTF-16 without a mark: the digits, blanks and line breaks of any writing have NULs on one side."""
    even = sample[: len(sample) // 2 * 2]
    high, low = even[0::2].count(0), even[1::2].count(0)
    if min(high, low) * 20 > max(high, low):
        return None
    encoding = "utf-16-le" if low > high else "utf-16-be"
    text = even.decode(encoding, "replace")
    odd = sum(letter in "\ufffd\ufffe" or letter < " " and letter not in "\t\n\r\x0b\x0c" for letter in text)
    return encoding if odd * 100 <= len(text) else None


def _nearly_utf8(sample):
    """A few broken letters among many whole ones."""
    text = sample.decode("utf-8", "surrogateescape")
    broken = sum("\udc80" <= letter <= "\udcff" for letter in text)
    whole = sum(letter > "\x7f" for letter in text) - broken
    return whole > 4 * broken


def _narrow(sample):
    """One byte a letter: Western, unless whole words are made of letters beyond ASCII."""
    alone, mixed = 0, 0
    for word in sample.translate(_WORDS).split():
        high = sum(byte > 0x7F for byte in word)
        if len(word) > 2 and high == len(word):
            alone += 1
        elif high:
            mixed += 1
    letters = sum(byte > 0x7F for byte in sample)
    if alone <= mixed and sum(byte in _RARE for byte in sample) * 4 < letters and sum(byte in _NONE for byte in sample) * 20 < letters:
        return _western(sample)
    scores = {encoding: _share(sample, encoding, usual) for usual, names in WRITINGS.items() for encoding in names}
    best = max(scores, key=scores.get)
    return best if scores[best] > 0.6 else None


def _western(sample):
    """Western, unless what are signs in it stand within words, as in Polish."""
    letters = sum(byte > 0x7F for byte in sample)
    if len(_ODD.findall(sample)) * 10 < letters:
        return "cp1252"
    shares = {encoding: _share(sample, encoding, CENTRAL) for encoding in ("cp1250", "iso8859_2")}
    best = max(shares, key=shares.get)
    return best if shares[best] > 0.6 else "cp1252"


# The letters of Polish, Czech, Slovak and Hungarian beyond ASCII.
CENTRAL = "ąćęłńóśźżáčďéěíňřšťúůýžľĺŕôäöőüű"
# A sign between two letters, or a capital at the end of a word, that are letters of Central Europe.
_ODD = re.compile(rb"(?<=[a-z\xdf-\xff])(?:[\xa1\xa3\xa5\xa6\xaa\xac\xaf\xb1\xb3\xb6\xb9\xba\xbc\xbe\xbf](?=[a-z\xdf-\xff])|\x9f)")
# What is no letter of it at all.
_NONE = b"\x81\x8d\x8f\x90\x9d"
# What hardly a Western text has of the 32 bytes below its letters, beside quotes, dashes and the euro.
_RARE = bytes(byte for byte in range(0x80, 0xA0) if byte not in b"\x80\x85\x91\x92\x93\x94\x96\x97\x99\x8a\x8c\x8e\x9a\x9c\x9e\x9f")
# What parts words, as blanks.
_WORDS = bytes(byte if byte > 0x7F or chr(byte).isalnum() else 32 for byte in range(256))


def _share(sample, encoding, usual):
    """How much of what is beyond ASCII is among a writing's usual letters."""
    text = [letter for letter in sample.decode(encoding, "replace") if letter > "\x7f"]
    # Capitals stand at the beginning of words.
    return sum((letter in usual) + (letter.lower() in usual) for letter in text) / 2 / len(text) if text else 0
