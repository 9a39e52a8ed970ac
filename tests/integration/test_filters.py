"""docs/filters.md says what every filter makes of what; the program is held to each row."""

import decimal
import json
import pathlib
import re
import unicodedata

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "filters.md"
MISSING, REJECTED = "*missing*", "*rejected*"


def rows():
    """(line, template, x, result) of each row of the page's tables; x and result as written."""
    found = []
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("| `"):
            continue
        cells = [cell.strip().replace("\\|", "|")
                 for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        assert len(cells) == 3, f"{PAGE.name}:{number}: three cells, each in backquotes or *…*"
        found.append((number, *(cell[1:-1] if cell[0] == "`" else cell for cell in cells)))
    return found


def exact(text):
    """A JSON value with numbers as their digits, so that 19.90 is not 19.9 and 7 not 7.0."""
    return json.loads(text, parse_int=lambda t: ("number", t), parse_float=lambda t: ("number", t))


def preview(closefeed, tmp_path, templates, records):
    """What becomes of each record (JSON texts of members) with the template of its own route."""
    routes = [
        {"method": "POST", "url": "/filters", "name": f"row {i}", "when": f".row == {i}",
         "body": {"row": "{row}", "out": template}}
        for i, template in enumerate(templates)
    ]
    (tmp_path / "filters.yaml").write_text(json.dumps({
        "version": 1, "name": "filters", "source": {"ndjson": {"path": "filters.ndjson"}},
        "close": {"api_key": {"env": "CLOSE_API_KEY"}}, "routes": routes,
    }), encoding="utf-8")
    (tmp_path / "filters.ndjson").write_text(
        "".join(f'{{"row":{i}{member}}}\n' for i, member in enumerate(records)), encoding="utf-8")
    result = closefeed("preview", "filters.yaml", "--json", "--all",
                       env={"CLOSE_API_KEY": "api_none.none"})
    lines = result.out.splitlines()
    assert len(lines) == len(records), re.findall(".* error: .*", result.err)
    return lines


def outcome(line):
    shown = exact(line)
    if "rejected" in shown:
        assert shown["rejected"]["class"] == "template", shown
        return REJECTED
    return shown["body"].get("out", MISSING)


def test_every_row_of_the_page_is_what_the_program_does(closefeed, tmp_path):
    table = rows()
    members = ["" if x == MISSING else f',"x":{x}' for _, _, x, _ in table]
    lines = preview(closefeed, tmp_path, [template for _, template, _, _ in table], members)

    wrong = []
    for (number, template, x, result), line in zip(table, lines):
        expected = result if result in (MISSING, REJECTED) else exact(result)
        if outcome(line) != expected:
            wrong.append(f"{PAGE.name}:{number}: {template} of {x}: {line}")
    assert not wrong, "\n".join(wrong)
    assert len(table) > 80


def test_every_filter_has_rows_that_work_and_rows_that_show_its_limits(closefeed, tmp_path):
    """The filters are taken from the sentence that names them all."""
    (tmp_path / "one.yaml").write_text(
        'version: 1\nname: one\nsource: {ndjson: {path: "-"}}\n'
        'close: {api_key: {env: K}}\nroutes: [{operation: lead.create, body: {name: "{x|zzzzz}"}}]\n',
        encoding="utf-8")
    told = closefeed("check", "one.yaml", env={"K": "api_none.none"}).err
    names = re.search(r"the filters are ([a-z, ]+)", told)[1].split(", ")
    assert len(names) == 11

    fills = {"default", "or"}
    for name in names:
        mine = [result for _, template, _, result in rows()
                if re.search(r"\|" + name + r"[:|}]", template)]
        assert any(result not in (MISSING, REJECTED) for result in mine), name
        assert name in fills | {"text"} or REJECTED in mine, name


def test_letters_agree_with_the_character_database(closefeed, tmp_path):
    """Of the scripts the page names; only one-to-one mappings, and those an old Unicode had."""
    old = unicodedata.ucd_3_2_0
    letters = [chr(c) for c in (*range(0x20, 0x590), *range(0x1e00, 0x2000), *range(0xff21, 0xff5b))
               if old.category(chr(c))[0] == "L" and chr(c) != "\u0130"]
    # A letter for itself where its other case is several letters.
    small = [c.lower() if len(c.lower()) == 1 else c for c in letters]
    large = [c.upper() if len(c.upper()) == 1 else c for c in letters]
    x = ',"x":' + json.dumps(letters, ensure_ascii=False)

    lines = preview(closefeed, tmp_path, ["{x|lower}", "{x|upper}"], [x, x])
    for line, expected in zip(lines, (small, large)):
        wrong = [(hex(ord(c)), got, want)
                 for c, got, want in zip(letters, outcome(line), expected) if got != want]
        assert not wrong, wrong


def test_cents_agree_with_decimal_arithmetic(closefeed, tmp_path):
    """A second opinion: Python's decimals, rounded half away from zero."""
    sums = [f"{sign}{whole}.{fraction}" for sign in ("", "-") for whole in (0, 1, 19, 123456789012345)
            for fraction in ("0", "005", "004999", "015", "1", "445", "5", "994", "995", "99", "999")]
    expected = [
        str(int((decimal.Decimal(s) * 100).quantize(decimal.Decimal(1), decimal.ROUND_HALF_UP)))
        for s in sums
    ]
    lines = preview(closefeed, tmp_path, ["{x|cents}"] * len(sums), [f',"x":{s}' for s in sums])
    assert [outcome(line) for line in lines] == [("number", e) for e in expected]
