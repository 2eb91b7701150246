"""Words for people in place of the names that tables, claims and configs use."""

import re
from collections.abc import Mapping

from irm_bench.presentation.series import GREEK

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SUBSCRIPTS = str.maketrans("0123456789ijk", "₀₁₂₃₄₅₆₇₈₉ᵢⱼₖ")

POWER = re.compile(r"(?<![\w.])([-−]?\d+(?:\.\d+)?)e([+-]?\d+)\b")
GREEK_NAME = re.compile(rf"\b({'|'.join(GREEK)})(?=\b|_)")
WEIGHT = re.compile(r"φ_([a-z]\w*|\d+)")
SUBSCRIPTED = re.compile(r"\b([A-Za-z])_(\d+|[ijk])\b")
SNAKE = re.compile(r"\b[A-Za-z]+(?:_[A-Za-z0-9]+)+\b")
# Not a part of a path or of a file's name.
WORD = re.compile(r"(?<![\w./])[a-z]+(?![\w/]|\.\w)")
TIGHT = re.compile(r"(?<=[σγτλεβφ])\s?=\s?(?=[-−\d])")
HYPHEN_MINUS = re.compile(r"(?<=[\s=(\[])-(?=\d)")


def in_words(text: str, labels: Mapping[str, str] | None = None) -> str:
    """A text without raw names: ``phi_2`` as φ₂, ``1e-05`` as 10⁻⁵, ``plug_in`` by its label.

    ``labels`` has what a name is called; other names lose their underscores. A name of one word is
    replaced where its label spells it otherwise: ``vrex`` is V-REx, but ``oracle`` is a word too.
    Quotation marks and apostrophes become curly ones.
    """
    known = labels or {}
    text = SNAKE.sub(lambda match: known.get(match[0], match[0]), text)
    text = WORD.sub(lambda match: _spelt(match[0], known), text)
    text = POWER.sub(_power, text)
    text = GREEK_NAME.sub(lambda match: GREEK[match[1]], text)
    text = WEIGHT.sub(_weight, text)
    text = SUBSCRIPTED.sub(_subscripted, text)
    text = SNAKE.sub(lambda match: match[0].replace("_", " "), text)
    text = HYPHEN_MINUS.sub("−", TIGHT.sub(" = ", text))
    return curly(text)


def _spelt(word: str, labels: Mapping[str, str]) -> str:
    """The label of a name that has the name's letters and differs in capitals or hyphens."""
    label = labels.get(word, word)
    return label if re.sub(r"\W", "", label).lower() == word else word


def curly(text: str) -> str:
    """Straight quotation marks and apostrophes as curly ones."""
    text = re.sub(r"(?<=\w)'(?=\w)", "’", text)
    text = re.sub(r"(?<![\w)\].!?…’”])'(?=\S)", "‘", text).replace("'", "’")
    return re.sub(r'(?<![\w)\].!?…’”])"(?=\S)', "“", text).replace('"', "”")


def _power(match: re.Match[str]) -> str:
    exponent = str(int(match[2])).translate(SUPERSCRIPTS)
    factor = "" if match[1] == "1" else f"{match[1]} × "
    return f"{factor}10{exponent}"


def _weight(match: re.Match[str]) -> str:
    """A weight by its number, or by its group: φ₂, φ(Z)."""
    name = match[1]
    return f"φ{name.translate(SUBSCRIPTS)}" if name.isdigit() else f"φ({name.upper()})"


def _subscripted(match: re.Match[str]) -> str:
    return match[1] + match[2].translate(SUBSCRIPTS)
