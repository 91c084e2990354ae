# SPDX-License-Identifier: MIT
"""Text for LaTeX: any letter compiles with pdflatex, or is shown by its number."""
import unicodedata

from .words import printable

SPECIAL = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "&": r"\&", "%": r"\%",
           "$": r"\$", "#": r"\#", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
           "<": r"$<$", ">": r"$>$", "|": r"$|$", '"': r"''"}
# Beyond ASCII, what encoding T1 and mathematics have.
KNOWN = {"²": r"\textsuperscript{2}", "±": r"$\pm$", "…": r"\ldots{}", "–": "--", "—": "---",
         "’": "'", "‘": "`", "“": "``", "”": "''", "×": r"$\times$", "·": r"$\cdot$",
         "°": r"\textdegree{}", "µ": r"$\mu$", "≤": r"$\leq$", "≥": r"$\geq$", "−": "$-$"}
# Letters of T1 among those of Latin-1 and Latin Extended-A, which inputenc maps.
LATIN = set("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ"
            "ĂăĄąĆćČčĎďĐđĘęĚěĞğİıŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŢţŤťŮůŰűŸŹźŻżŽž")
# Greek letters by their names in mathematics; those that look like Latin ones do not have a name.
GREEK = dict(zip("αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩ", (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho varsigma sigma "
    "tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
).split()))
ALIKE = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo"))


def beyond_ascii(letter):
    if letter in LATIN:
        return letter
    if letter in KNOWN:
        return KNOWN[letter]
    if letter in ALIKE:
        return ALIKE[letter]
    if letter in GREEK:
        return f"$\\{GREEK[letter]}$"
    return f"\\texttt{{U+{ord(letter):04X}}}"


def compilable(text):
    """LaTeX with letters of any kind as one that pdflatex takes."""
    return "".join(letter if letter < "\x7f" else beyond_ascii(letter)
                   for letter in unicodedata.normalize("NFC", printable(text, keep="\n")))


class Name(str):
    """Of a file, label or number: goes into the text as it is."""


def escape(text):
    """Words as LaTeX shows them."""
    if isinstance(text, Name):
        return text
    words = unicodedata.normalize("NFC", printable(text))
    # Two hyphens would become a dash.
    words = "".join(SPECIAL.get(letter, letter) for letter in words).replace("--", "-{}-")
    return compilable(words)
