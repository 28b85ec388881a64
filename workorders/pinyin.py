"""拼音: names as they are typed on a Latin keyboard, in full (zaoyinraomin) and by initials (zyrm)."""

from functools import lru_cache

from pypinyin import lazy_pinyin


@lru_cache(maxsize=8192)  # the names of the reference lists, which hardly ever change
def spelled(name: str) -> str:
    """Both ways of typing it, side by side; empty for a name without Chinese characters."""
    syllables = lazy_pinyin(name, errors="ignore")
    return f"{''.join(syllables)} {''.join(one[0] for one in syllables)}".strip()
