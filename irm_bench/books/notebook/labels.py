"""What the notebook calls the features of its example."""

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def feature_label(name: str) -> str:
    """``x_1`` for people: ``X₁``; the target ``y`` is ``ΣY``."""
    if name == "y":
        return "ΣY"
    letter, _, number = name.partition("_")
    return letter.upper() + number.translate(SUBSCRIPTS)
