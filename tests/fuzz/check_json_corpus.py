"""Compares lib/json with Python's json, made strict, over a corpus and thousands of changes to it.

usage: check_json_corpus.py JSON_VERDICT CORPUS

A file y_… must be accepted and n_… refused, by both. What Python's json takes beyond RFC 8259 and
beyond our own rules (duplicate keys, NUL in keys, depth 32) is refused by documented hooks.
"""

import json
import pathlib
import random
import struct
import subprocess
import sys

MAX_DEPTH = 32
CHANGES = 20000
FAVOURITES = [bytes([c]) for c in b'"\\{}[],:0123-+.eEu/ \n\t\x00\x1f\x7f\x80\xc0\xed\xff'] + [
    b"\\u0000", b"\\ud800", b"\\udc00", b"null", b"true", b"NaN", b'"a":', b"1e5", b"\xe2\x82\xac",
    b"\xed\xa0\x80", b"\xef\xbb\xbf"]


class Number(str):
    """A number as it was written."""


def refuse_constant(name):
    raise ValueError(name)


def members(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("duplicate key")
    if any("\0" in key for key in keys):
        raise ValueError("NUL in key")
    return dict(pairs)


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def show(value):
    """Compact JSON with the digits numbers came with; raises on half a surrogate pair."""
    if isinstance(value, dict):
        return "{" + ",".join(show(k) + ":" + show(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(show, value)) + "]"
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        value.encode("utf-8")
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def reference(text):
    """The compact text, or None where it is no JSON of ours."""
    try:
        value = json.loads(text.decode("utf-8"), parse_constant=refuse_constant,
                           object_pairs_hook=members, parse_int=Number, parse_float=Number)
        return show(value) if depth(value) <= MAX_DEPTH else None
    except (ValueError, RecursionError):
        return None


def verdicts(program, texts):
    frames = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    run = subprocess.run([program], input=frames, stdout=subprocess.PIPE, check=True)
    lines = run.stdout.decode("utf-8").split("\n")[:-1]
    assert len(lines) == len(texts), "one answer for each text"
    return [line[5:] if line.startswith("good ") else None for line in lines]


def change(rng, text):
    """A few small mistakes, as hands and broken programs make them."""
    text = bytearray(text)
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(text))
        kind = rng.randrange(4)
        if kind == 0:
            del text[at:at + rng.randint(1, 4)]
        elif kind == 1:
            text[at:at] = rng.choice(FAVOURITES)
        elif kind == 2:
            text[at:at + 1] = rng.choice(FAVOURITES)
        else:
            other = rng.randint(0, len(text))
            text[at:at] = text[min(at, other):max(at, other)][:200]
    return bytes(text)


def main(program, corpus):
    files = sorted(pathlib.Path(corpus).iterdir())
    seeds = [path.read_bytes() for path in files]
    rng = random.Random(20240501)
    texts = seeds + [change(rng, rng.choice(seeds)) for _ in range(CHANGES)]
    found = verdicts(program, texts)
    wrong = 0
    for path, text in zip(files, found):
        if (text is not None) != path.name.startswith("y_"):
            print(f"{path.name}: {'accepted' if text is not None else 'refused'}")
            wrong += 1
    for text, ours in zip(texts, found):
        theirs = reference(text)
        if ours != theirs:
            print(f"{text!r}\n  ours:      {ours!r}\n  reference: {theirs!r}")
            wrong += 1
    good = sum(text is not None for text in found)
    print(f"{len(texts)} texts, {good} of them good, {wrong} disagreements")
    assert good > CHANGES // 20, "a corpus that is nearly always refused shows little"
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
