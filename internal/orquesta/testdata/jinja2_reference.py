"""Evaluate expressions with the real Jinja2, in the environment that Orquesta makes.

Reads {"vars": {...}, "expressions": [...], "templates": [...]} and writes one line of JSON per entry: ["value", repr],
["undefined"] or ["error", class].
"""
import inspect
import json
import sys

import jinja2

env = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def to_json_string(value, indent=None, sort_keys=False, separators=(",", ": ")):
    return json.dumps(value, indent=indent, sort_keys=sort_keys, separators=separators)


def names(given):
    """Functions of a workflow over sample values."""
    out = dict(given.get("names", {}))
    context = given.get("ctx", {})
    out["ctx"] = lambda key=None: context[key] if key else context
    item = given.get("item")
    out["item"] = lambda key=None: item[key] if key else item
    out["result"] = lambda: given.get("result")
    status = given.get("status", "succeeded")
    out["succeeded"] = lambda: status == "succeeded"
    out["failed"] = lambda: status == "failed"
    out["completed"] = lambda: True
    out["to_json_string"] = to_json_string
    return out


env.filters["to_json_string"] = to_json_string
env.filters["from_json_string"] = json.loads


def show(value):
    if isinstance(value, jinja2.StrictUndefined):
        return ["undefined"]
    if inspect.isgenerator(value):
        value = list(value)
    if isinstance(value, jinja2.utils.markupsafe.Markup):
        value = str(value)
    return ["value", repr(value)]


def main():
    work = json.load(sys.stdin)
    scope = names(work["vars"])
    for text in work.get("expressions") or []:
        try:
            answer = show(env.compile_expression(text, undefined_to_none=False)(**scope))
        except Exception as e:
            answer = ["error", type(e).__name__]
        print(json.dumps(answer))
    for text in work.get("templates") or []:
        try:
            answer = ["value", repr(env.from_string(text).render(scope))]
        except Exception as e:
            answer = ["error", type(e).__name__]
        print(json.dumps(answer))


main()
