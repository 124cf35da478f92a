"""Chinese words for typer's own texts (headings of the help, usage errors).

typer takes its texts through ``gettext.gettext`` when its modules are imported, and has no Chinese
catalogue. This module must be imported before typer.
"""

import gettext

_WORDS = {
    "Arguments": "参数",
    "Options": "选项",
    "Commands": "命令",
    "Error": "错误",
    "Aborted.": "已中止。",
    "Usage:": "用法:",
    "Usage": "用法",
    "[env var: {}]": "[环境变量: {}]",
    "[required]": "[必填]",
    "[default: {}]": "[默认: {}]",
    "(deprecated) ": "(已弃用) ",
    "default: {default}": "默认: {default}",
    "required": "必填",
}

_untranslated = gettext.gettext


def _translate(message: str) -> str:
    return _WORDS[message] if message in _WORDS else _untranslated(message)


gettext.gettext = _translate
