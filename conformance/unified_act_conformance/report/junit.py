"""The report for continuous integration: JUnit XML, one testcase for each case and check."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from unified_act_conformance.checks import CheckResult
from unified_act_conformance.judge import Result
from unified_act_conformance.report.run import (
    Run,
    check_line,
    decimal,
    hexadecimal,
    repro_line,
    share,
    worst_x,
)
from unified_act_conformance.subject import Subject, case_id, check_id

__all__ = ["junit_report"]

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold, such as the escapes with which some errors are coloured."""


def junit_report(run: Run) -> str:
    """Returns the report: one suite for each backend.

    What is declared passes, with the deviation as a property; what a framework cannot do at all is
    skipped; what raised is an error.

    Args:
        run: The run.
    """
    root = ET.Element("testsuites", name="unified_act conformance")
    for backend in run.backends:
        results = [result for result in run.results if result.case.backend == backend]
        suite = ET.SubElement(root, "testsuite", name=f"{backend} ({run.numerics})")
        environment = dict(run.environment.packages)
        environment |= {"python": run.environment.python, "platform": run.environment.platform}
        _properties(suite, environment)
        for result in results:
            _case(suite, run, result)
        for check in run.checks:
            if check.backend == backend:
                _check(suite, check)
        _count(suite)
    _count(root)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode", xml_declaration=False)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _case(suite: ET.Element, run: Run, result: Result) -> None:
    case, judgement = result.case, result.judgement
    testcase = _testcase(suite, case.backend, case.subject, case_id(case))
    properties = {"budget": f"{result.budget:g}"}
    if judgement is not None:
        properties |= {
            "inputs": str(judgement.count),
            "max_error": f"{judgement.max_error:.4g}",
            "share_of_budget": f"{share(result):.4g}",
            "max_ulp": f"{judgement.max_distance:.15g}",
            "worst_x": decimal(judgement.worst_x, case.dtype),
            "worst_x_hex": hexadecimal(judgement.worst_x),
        }
    for deviation, found in result.deviations:
        properties[f"deviation.{deviation.id}"] = f"error {found.max_error:.4g}: {deviation.reason}"
    _properties(testcase, properties)
    line = repro_line(case, run.numerics, worst_x(result))
    _outcome(testcase, result, "error" if judgement is None else "failure", line)


def _check(suite: ET.Element, check: CheckResult) -> None:
    testcase = _testcase(suite, check.backend, check.subject, check_id(check.planned))
    _outcome(testcase, check, "failure", check_line(check))


def _testcase(suite: ET.Element, backend: str, subject: Subject, name: str) -> ET.Element:
    classname = f"conformance.{backend}.{subject.activation}"
    return ET.SubElement(suite, "testcase", classname=classname, name=name)


def _outcome(testcase: ET.Element, result: Result | CheckResult, kind: str, line: str) -> None:
    if result.unsupported:
        ET.SubElement(testcase, "skipped", message=_text(result.unsupported))
    if result.problem:
        message = _text(result.problem)
        ET.SubElement(testcase, kind, message=message).text = f"{message}\n{line}"


def _properties(element: ET.Element, properties: dict[str, str]) -> None:
    parent = ET.SubElement(element, "properties")
    for name, value in properties.items():
        ET.SubElement(parent, "property", name=name, value=_text(value))


def _count(element: ET.Element) -> None:
    element.set("tests", str(len(list(element.iter("testcase")))))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(attribute, str(len(list(element.iter(tag)))))


def _text(text: str) -> str:
    return NOT_XML.sub("�", text)
