"""Styles, lists and settings of the report as a Word file: XML in the order that the format prescribes.

The order of elements is that of ECMA-376, part 1, 17.3 (paragraphs, runs), 17.7 (styles), 17.15 (settings).
"""

from __future__ import annotations

from .. import style

FONT, SPARE = "等线", "DengXian"
"""Chinese and Latin font of Word since 2016, and its other name; programs replace it where it is missing."""
CALLOUT, NOTE, CELL, PICTURE = "ReportCallout", "ReportNote", "ReportCell", "ReportPicture"
QUIET, SOURCE, LABEL, TABLE = "ReportQuiet", "ReportSource", "ReportLabel", "ReportTable"
NAMES = {
    "Title": "Title",
    "Subtitle": "Subtitle",
    "Heading1": "heading 1",
    "Heading2": "heading 2",
    "BodyText": "Body Text",
    "ListBullet": "List Bullet",
    "ListNumber": "List Number",
    "Caption": "caption",
    "Header": "header",
    "Footer": "footer",
    CALLOUT: "报告提示",
    NOTE: "报告图表注",
    CELL: "报告表格文字",
    PICTURE: "报告插图",
}
"""Names of the paragraph styles: those of Word itself in English, which it shows in the reader's language."""
BULLETS, NUMBERS = 1, 2
"""Lists: dots, and numbers whose later lists begin again at 1."""
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_RIGHT, _CENTRE = 9865, 4932
"""Tab stops at the right end and in the middle of 174 mm, in twentieths of a point."""


def hexadecimal(colour: str) -> str:
    """Write a colour as Word does, without the sharp.

    Examples
    --------
    >>> f"#{hexadecimal(style.INK)}".lower() == style.INK
    True
    """
    return colour.removeprefix("#").upper()


def styles() -> str:
    """Write all styles."""
    fonts = f'w:ascii="{FONT}" w:hAnsi="{FONT}" w:eastAsia="{FONT}" w:cs="Times New Roman"'
    defaults = (
        f"<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts {fonts}/>{_colour(style.INK)}{_size(10)}"
        '<w:lang w:val="en-US" w:eastAsia="zh-CN" w:bidi="ar-SA"/></w:rPr></w:rPrDefault>'
        f"<w:pPrDefault><w:pPr><w:widowControl/>{_space(0, 0)}</w:pPr></w:pPrDefault></w:docDefaults>"
    )
    fixed = (
        '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/>'
        "<w:qFormat/></w:style>"
        '<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont">'
        '<w:name w:val="Default Paragraph Font"/><w:uiPriority w:val="1"/><w:semiHidden/></w:style>'
        '<w:style w:type="numbering" w:default="1" w:styleId="NoList"><w:name w:val="No List"/>'
        "<w:semiHidden/></w:style>"
    )
    return f"<w:styles {_W}>{defaults}{fixed}{''.join(_paragraphs())}{_characters()}{_tables()}</w:styles>"


def _paragraphs() -> list[str]:
    """Write the paragraph styles."""
    tabs = (
        f'<w:tabs><w:tab w:val="center" w:pos="{_CENTRE}"/><w:tab w:val="right" w:pos="{_RIGHT}"/></w:tabs>'
    )
    line = '<w:pBdr><w:{} w:val="single" w:sz="{}" w:space="{}" w:color="{}"/></w:pBdr>'
    below = line.format("bottom", 12, 6, hexadecimal(style.ACCENT))
    above = line.format("top", 4, 4, hexadecimal(style.GRID))
    left = line.format("left", 24, 6, hexadecimal(style.BADGE_EDGE))
    keep = "<w:keepNext/><w:keepLines/>"
    quiet = _colour(style.QUIET)
    heads = [
        _paragraph("Title", keep + _space(0, 40, 288), "<w:b/><w:bCs/>" + _size(20), next_id="Subtitle"),
        _paragraph("Subtitle", keep + below + _space(0, 160), quiet, next_id="BodyText"),
        *(
            _paragraph(
                f"Heading{level}",
                f'{keep}{_space(*space, 288)}<w:outlineLvl w:val="{level - 1}"/>',
                "<w:b/><w:bCs/>" + _size(size),
                next_id="BodyText",
            )
            for level, size, space in ((1, 14, (260, 100)), (2, 11.5, (180, 60)))
        ),
    ]
    texts = [
        _paragraph("BodyText", _space(0, 100) + '<w:jc w:val="both"/>'),
        *(
            _paragraph(
                name, f'<w:numPr><w:numId w:val="{number}"/></w:numPr>{_space(0, 60)}<w:jc w:val="both"/>'
            )
            for name, number in (("ListBullet", BULLETS), ("ListNumber", NUMBERS))
        ),
        _paragraph("Caption", keep + _space(160, 60), "<w:b/><w:bCs/>" + _size(9.5)),
        _paragraph("Header", tabs + _space(0, 0, 240), quiet + _size(8)),
        _paragraph("Footer", above + tabs + _space(0, 0, 240), quiet + _size(8)),
        _paragraph(
            CALLOUT,
            f'<w:keepLines/>{left}{_ground(style.BADGE)}{_space(120, 160)}<w:ind w:left="170" w:right="57"/>',
        ),
        _paragraph(NOTE, _space(40, 160, 276), quiet + _size(8)),
        _paragraph(
            CELL, '<w:autoSpaceDE w:val="0"/><w:autoSpaceDN w:val="0"/>' + _space(20, 20, 264), _size(9)
        ),
        _paragraph(PICTURE, "<w:keepNext/>" + _space(0, 0, 240)),
    ]
    return heads + texts


def _paragraph(style_id: str, look: str, letters: str = "", *, next_id: str = "") -> str:
    custom = ' w:customStyle="1"' if style_id.startswith("Report") else ""
    following = f'<w:next w:val="{next_id}"/>' if next_id else ""
    return (
        f'<w:style w:type="paragraph"{custom} w:styleId="{style_id}"><w:name w:val="{NAMES[style_id]}"/>'
        f'<w:basedOn w:val="Normal"/>{following}<w:qFormat/>'
        f"<w:pPr>{look}</w:pPr><w:rPr>{letters}</w:rPr></w:style>"
    )


def _characters() -> str:
    """Write the styles of quiet texts, of the small numbers behind figures, and of labels."""
    edge = f'<w:bdr w:val="single" w:sz="4" w:space="0" w:color="{hexadecimal(style.BADGE_EDGE)}"/>'
    looks = (
        (QUIET, "报告次要文字", _colour(style.QUIET)),
        (SOURCE, "报告出处序号", _colour(style.QUIET) + '<w:vertAlign w:val="superscript"/>'),
        (LABEL, "报告标签", _colour(style.BADGE_INK) + edge + _ground(style.BADGE)),
    )
    return "".join(
        f'<w:style w:type="character" w:customStyle="1" w:styleId="{style_id}"><w:name w:val="{name}"/>'
        f"<w:qFormat/><w:rPr>{look}</w:rPr></w:style>"
        for style_id, name, look in looks
    )


def _tables() -> str:
    """Write the style of tables: rules above and below, a ground behind the header, no upright lines."""
    ink, grid = hexadecimal(style.INK), hexadecimal(style.GRID)
    rule = '<w:{} w:val="single" w:sz="{}" w:space="0" w:color="{}"/>'
    borders = rule.format("top", 8, ink) + rule.format("bottom", 8, ink) + rule.format("insideH", 4, grid)
    margins = "".join(
        f'<w:{side} w:w="{width}" w:type="dxa"/>'
        for side, width in (("top", 20), ("left", 60), ("bottom", 20), ("right", 60))
    )
    return (
        '<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/>'
        "<w:semiHidden/><w:tblPr><w:tblCellMar>"
        '<w:left w:w="0" w:type="dxa"/><w:right w:w="0" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>'
        f'<w:style w:type="table" w:customStyle="1" w:styleId="{TABLE}"><w:name w:val="报告表格"/>'
        f'<w:basedOn w:val="TableNormal"/><w:qFormat/><w:tblPr><w:tblBorders>{borders}</w:tblBorders>'
        f"<w:tblCellMar>{margins}</w:tblCellMar></w:tblPr>"
        '<w:tblStylePr w:type="firstRow"><w:rPr><w:b/><w:bCs/></w:rPr><w:tcPr><w:tcBorders>'
        f"{rule.format('bottom', 6, ink)}</w:tcBorders>{_ground(style.GROUND)}</w:tcPr></w:tblStylePr>"
        "</w:style>"
    )


def _colour(colour: str) -> str:
    return f'<w:color w:val="{hexadecimal(colour)}"/>'


def _ground(colour: str) -> str:
    return f'<w:shd w:val="clear" w:color="auto" w:fill="{hexadecimal(colour)}"/>'


def _size(points: float) -> str:
    return f'<w:sz w:val="{round(points * 2)}"/><w:szCs w:val="{round(points * 2)}"/>'


def _space(before: int, after: int, line: int = 288) -> str:
    """Space in twentieths of a point; lines in 240ths of their normal height."""
    return f'<w:spacing w:before="{before}" w:after="{after}" w:line="{line}" w:lineRule="auto"/>'


def numbering(numbered_lists: int) -> str:
    """Write the two kinds of list, and one list of numbers more for each that begins again at 1."""
    kinds = "".join(
        f'<w:abstractNum w:abstractNumId="{kind}"><w:multiLevelType w:val="singleLevel"/><w:lvl w:ilvl="0">'
        f'<w:start w:val="1"/><w:numFmt w:val="{shape}"/><w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/>'
        f'<w:pPr><w:ind w:left="300" w:hanging="300"/></w:pPr>{letters}</w:lvl></w:abstractNum>'
        for kind, shape, text, letters in (
            (
                BULLETS,
                "bullet",
                "•",
                '<w:rPr><w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:cs="Arial"/></w:rPr>',
            ),
            (NUMBERS, "decimal", "%1.", ""),
        )
    )
    plain = "".join(
        f'<w:num w:numId="{kind}"><w:abstractNumId w:val="{kind}"/></w:num>' for kind in (BULLETS, NUMBERS)
    )
    again = "".join(
        f'<w:num w:numId="{NUMBERS + number}"><w:abstractNumId w:val="{NUMBERS}"/><w:lvlOverride w:ilvl="0">'
        '<w:startOverride w:val="1"/></w:lvlOverride></w:num>'
        for number in range(1, numbered_lists + 1)
    )
    return f"<w:numbering {_W}>{kinds}{plain}{again}</w:numbering>"


def settings() -> str:
    """Write the settings: as of Word 2013 and later, Chinese, marks side by side pushed together."""
    uri = "http://schemas.microsoft.com/office/word"
    accents = "".join(f' w:accent{number}="accent{number}"' for number in range(1, 7))
    return (
        f'<w:settings {_W}><w:zoom w:percent="100"/><w:defaultTabStop w:val="420"/>'
        '<w:characterSpacingControl w:val="compressPunctuation"/><w:compat>'
        f'<w:compatSetting w:name="compatibilityMode" w:uri="{uri}" w:val="15"/></w:compat>'
        '<w:themeFontLang w:val="en-US" w:eastAsia="zh-CN"/>'
        f'<w:clrSchemeMapping w:bg1="light1" w:t1="dark1" w:bg2="light2" w:t2="dark2"{accents}'
        ' w:hyperlink="hyperlink" w:followedHyperlink="followedHyperlink"/>'
        '<w:decimalSymbol w:val="."/><w:listSeparator w:val=","/></w:settings>'
    )


def font_table() -> str:
    """Name the font and what else it is called, by which programs find it or one like it."""
    return (
        f'<w:fonts {_W}><w:font w:name="{FONT}"><w:altName w:val="{SPARE}"/><w:charset w:val="86"/>'
        '<w:family w:val="auto"/><w:pitch w:val="variable"/></w:font></w:fonts>'
    )


def theme_colours() -> dict[str, str]:
    """Give the colours that Word offers first, by their names in a theme."""
    accents = (style.SITE, style.ACCENT, *style.REACH[1:], style.NEW)
    named = {f"accent{number}": colour for number, colour in enumerate(accents, start=1)}
    return {"dk2": style.INK, "lt2": style.GROUND, **named}
