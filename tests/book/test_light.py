"""A page loads what it uses."""

import tinycss2
from light import ICON, pruned


def prune(style: str, *words: str) -> str:
    rules = tinycss2.parse_stylesheet(style, skip_comments=True, skip_whitespace=True)
    return pruned(rules, set(words))


def test_a_style_stays_where_its_classes_are_used():
    style = ".a .b,.c{x:1}.c{x:2}p{x:3}#id{x:4}"
    assert prune(style, "a", "b") == ".a .b{x:1}p{x:3}#id{x:4}"
    assert prune(style, "a") == "p{x:3}#id{x:4}"
    assert prune(style, "a", "b", "c") == style


def test_a_class_in_brackets_is_not_demanded():
    style = ":is(.a,.b) p:not(.c,.d){x:1}"
    assert prune(style) == style


def test_rules_for_media_are_read_and_others_left():
    assert (
        prune("@media print{.a{x:1}.b{x:2}}@media print{.b{x:3}}", "a") == "@media print{.a{x:1}}"
    )
    for style in ("@keyframes a{to{x:1}}", '@font-face{font-family:"a"}', '@import url("a.css");'):
        assert prune(style) == style


def test_names_that_a_script_puts_together_stay():
    assert prune(".bs-tooltip-auto .tooltip-arrow{x:1}", "tooltip-arrow")


def test_icons_are_found():
    style = prune(r'.fa-sun:before{content:"\f185"}.fa-x:before{content:"\f00d"}', "fa-sun")
    assert [ord(icon) for icon in ICON.findall(style)] == [0xF185]
