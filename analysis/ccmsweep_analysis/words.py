# SPDX-License-Identifier: MIT
"""Text that can be shown: names of files can have any bytes, and files any content. Also values in
the form that a spec has."""
import codecs
import decimal
import math
import os
import re
import sys
import unicodedata

# Control characters, halves of pairs, marks that turn the direction of text, ends of lines.
UNFIT = ("Cc", "Cf", "Cs", "Zl", "Zp")


def unfit(letter):
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not text: Python's surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    return letter.encode("ascii", "backslashreplace").decode() if code > 0x7F else f"\\x{code:02x}"


def printable(text, keep=""):
    """Text in which control characters, and bytes that are not UTF-8, are shown as escapes."""
    return "".join(unfit(letter) if letter not in keep and unicodedata.category(letter) in UNFIT
                   else letter for letter in str(text))


def shown(path):
    """A path as text for people, the same in every locale."""
    return printable(os.fsencode(path).decode("utf-8", "surrogateescape"))


def number(value):
    """A value as the program writes it into a spec: the shortest decimal that reads back as the
    same number, so that no two values look alike; text_write_real() of src/base does the same."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return printable(value)
    if not isinstance(value, float):
        return str(int(value))
    digits, text = 1, f"{value:.1g}"
    while math.isfinite(value) and float(text) != value:
        digits += 1
        text = f"{value:.{digits}g}"
    if 1 <= abs(value) < 1e6 and digits < 6:  # people write 400, not 4e2
        text = f"{value:.6g}"
    return re.sub(r"e(?:\+|(-))0*", r"e\1", text)


def percent(share):
    """100 times a share, without digits that the share does not have: 29 for 0.29."""
    return f"{(100 * decimal.Decimal(repr(share))).normalize():f}"


def rest(share):
    """1 minus a share, in the same way: 0.05 for 0.95."""
    return f"{(1 - decimal.Decimal(repr(share))).normalize():f}"


def _exact(error):
    """Bytes of a name as they are; other letters that an encoding does not have as escapes."""
    part = error.object[error.start:error.end]
    return b"".join(bytes([ord(letter) - 0xDC00]) if "\udc80" <= letter <= "\udcff" else
                    letter.encode("ascii", "backslashreplace") for letter in part), error.end


def open_streams():
    """Make standard output accept any name byte for byte, and standard error any text, in every
    locale."""
    codecs.register_error("ccmsweep_exact", _exact)
    for stream, errors in ((sys.stdout, "ccmsweep_exact"), (sys.stderr, "backslashreplace")):
        if stream is not None:
            stream.reconfigure(encoding=sys.getfilesystemencoding(), errors=errors)


def name_out(path):
    """A path for standard output: its bytes for a script, text that can be shown for a terminal."""
    return printable(path) if sys.stdout.isatty() else str(path)


def no_module(asked, error):
    """That a call of this package wants a module that this Python does not have."""
    missing = str(error.name).partition(".")[0]
    return (f"ccmsweep_analysis.{asked}: {sys.executable} has no {missing}; expected a Python that "
            f"has it, on Debian by the package python3-{missing}")


def say(text):
    """A sentence on standard error."""
    print(f"ccmsweep_analysis: {printable(text)}", file=sys.stderr)
