"""The structured reply 答复 (rules.md G): sections become one letter and come apart again; what a letter may not hold.

Pure: texts in, texts out. The headings are the caller's, so that the letter speaks the language it is sent in.
"""

import re
from collections.abc import Iterable, Mapping

SECTIONS = ("salutation", "received", "investigation", "opinion", "follow_up", "signature")
HEADED = ("received", "investigation", "opinion", "follow_up")

# 【2020】 and 【2020】31号 number a document; a digit beside the crosses makes them a telephone that was masked on purpose.
PLACEHOLDER = re.compile(
    r"【(?!\d+】)(?![^【】]*\d+\]?号)[^【】]*】"
    r"|\{\{.*?\}\}|\{%.*?%\}"
    r"|(?<![A-Za-z0-9Xx×])[Xx×]{2,}(?![A-Za-z0-9])"
    r"|[_＿]{2,}"
    r"|请填写|请在此填写|此处填写|待填写|待填"
    r"|(?<![A-Za-z])(?:TODO|TBD)(?![A-Za-z])",
    re.IGNORECASE | re.DOTALL,
)
BLANK = "【{}】"


def compose(parts: Mapping[str, str], headings: Mapping[str, str]) -> str:
    """A section that was left empty stands in it as a placeholder, so that it is found as one."""
    return "\n\n".join(_section(name, _said(parts.get(name, "")), headings) for name in SECTIONS)


def _section(name: str, said: str, headings: Mapping[str, str]) -> str:
    said = said or BLANK.format(headings[name])
    return f"{headings[name]}\n{said}" if name in HEADED else said


def _said(text: str) -> str:
    """Empty lines part the sections: within one there is at most a line's end."""
    lines = (line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return "\n".join(line for line in lines if line.strip()).strip()


def apart(letter: str, headings: Mapping[str, str]) -> dict[str, str]:
    """The sections of a letter. A text that is no letter of ours is all opinion, and nothing of it is lost."""
    blocks = _blocks(letter)
    if not _is_ours(blocks, headings):
        return {"opinion": letter.strip()} if letter.strip() else {}
    bare = (block.removeprefix(f"{headings[name]}\n") for name, block in zip(SECTIONS, blocks, strict=True))
    said = zip(SECTIONS, bare, strict=True)
    return {name: "" if text == BLANK.format(headings[name]) else text for name, text in said}


def _blocks(letter: str) -> list[str]:
    return letter.replace("\r\n", "\n").strip().split("\n\n")


def _is_ours(blocks: list[str], headings: Mapping[str, str]) -> bool:
    if len(blocks) != len(SECTIONS):
        return False
    named = zip(SECTIONS, blocks, strict=True)
    return all(block.startswith(f"{headings[name]}\n") for name, block in named if name in HEADED)


def placeholders_in(text: str, own_words: Iterable[str] = ()) -> list[str]:
    """What was left to be filled in, each once. `own_words` are the complainant's: they may hold anything."""
    for words in own_words:
        text = text.replace(words, "　") if words else text
    return list(dict.fromkeys(found[0] for found in PLACEHOLDER.finditer(text)))


def unfilled(letter: str, headings: Mapping[str, str], own_words: Iterable[str] = ()) -> list[tuple[str, str]]:
    """(section, placeholder) of each that is left; of a text that is no letter of ours the section is empty."""
    words = tuple(own_words)
    if not _is_ours(_blocks(letter), headings):
        return [("", found) for found in placeholders_in(letter, words)]
    sections = zip(SECTIONS, _blocks(letter), strict=True)
    return [(name, found) for name, block in sections for found in placeholders_in(block, words)]


def without_placeholders(text: str, instead: str) -> str:
    """For letters that somebody else made unreadable."""
    return PLACEHOLDER.sub(instead, text)


def words_in(text: str, forbidden: Iterable[str]) -> list[str]:
    """Which of these words stand in it, whatever blanks are between their characters."""
    run_together = "".join(text.split()).casefold()
    return [word for word in forbidden if "".join(word.split()).casefold() in run_together]
