"""What is registered is tried out: everything of ours passes, and mistakes are named."""

import dataclasses
import re

import pytest

import unified_act as ua
from tests.specifications import REQUIRED, parameters_of
from unified_act import catalogue
from unified_act.expression.strict_namespace import Row, namespace
from unified_act.registry.validation import validate

SOURCES = {
    "method": lambda xp, x: x.sum(),
    "number": lambda xp, x: x * (1.0 if x else 2.0),
    "builtin": lambda xp, x: max(x, 0.0),
    "index": lambda xp, x: x[0],
    "joined": lambda xp, x: xp.where((x > 0.0) & x, x, 0.0),
    "no comparison": lambda xp, x: xp.where(~x, x, 0.0),
    "in place": lambda xp, x: x.__ipow__(2),
    "two powers": lambda xp, x: x * xp.pow(2.0, 3.0),
    "added": lambda xp, x: x + (x > 0.0),
    "two numbers": lambda xp, x: xp.where(x > 0.0, 1.0, 0.0),
    "no condition": lambda xp, x: xp.where(x, x, 0.0),
    "of a number": lambda xp, x: x * xp.exp(2.0),
    "unknown": lambda xp, x: xp.arctan(x),
    "text": lambda xp, x: x * "2",
    "floor division": lambda xp, x: x // 2.0,
    "nothing": lambda xp, x: None,
    "error": lambda xp, x: 1 / 0,
}
SAYS = {
    "method": "arrays have no .sum on every framework",
    "number": "single number or truth value",
    "builtin": "single number or truth value",
    "index": "use the functions of xp",
    "joined": "a condition is joined with another one",
    "no comparison": "an array is no comparison",
    "in place": "changed in place",
    "two powers": "xp.pow got two numbers",
    "added": "a condition is not a number",
    "two numbers": "both choices of xp.where are numbers",
    "no condition": "the condition of xp.where must be a comparison of arrays, got",
    "of a number": "use the module math",
    "unknown": "xp has no 'arctan': write xp.atan(x). It has abs, acos",
    "text": "of type builtins.str",
    "floor division": "use xp.floor",
    "nothing": "it must return an array, but returns None",
    "error": "ZeroDivisionError: division by zero",
}
BY_NAME = {activation.name: activation for activation in catalogue.ACTIVATIONS}


@pytest.mark.parametrize("name", BY_NAME)
def test_the_catalogue_is_valid(name):
    validate(BY_NAME[name])


def scaled(function):
    """What a mistake of a derivative comes to: a factor, in one of several results."""

    def wrong(*arguments, **parameters):
        result = function(*arguments, **parameters)
        if not isinstance(result, tuple):
            return result * 1.001
        first = result[0]
        if isinstance(first, tuple):  # of which the mixed one is the last
            return ((*first[:-1], first[-1] * 1.001), *result[1:])
        return (first * 1.001, *result[1:])

    return wrong


CONSTANT = ("hardmax",)  # whose derivative is 0, and stays so
FIRST = [n for n, a in BY_NAME.items() if a.derivative is not None and n not in CONSTANT]
SECOND = [
    name
    for name, activation in BY_NAME.items()
    if activation.second_derivative is not None and not activation.along_axis
]


@pytest.mark.parametrize("name", FIRST)
def test_a_wrong_derivative_is_found(name):
    activation = BY_NAME[name]
    wrong = dataclasses.replace(activation, derivative=scaled(activation.derivative))
    with pytest.raises(ua.InvalidActivationError, match=rf"'{name}'.*derivative"):
        validate(wrong)


def is_zero(name):
    activation = BY_NAME[name]
    if activation.kind != "elementwise":
        return False
    parameters = parameters_of(REQUIRED.get(name, name))
    found = activation.second_derivative(namespace, Row([-2.5, -0.4, 0.3, 4.2]), **parameters)
    return not any(found.values)


@pytest.mark.parametrize("name", [name for name in SECOND if not is_zero(name)])
def test_a_wrong_second_derivative_is_found(name):
    activation = BY_NAME[name]
    wrong = dataclasses.replace(activation, second_derivative=scaled(activation.second_derivative))
    with pytest.raises(ua.InvalidActivationError, match=rf"'{name}'.*second_derivative"):
        validate(wrong)


@pytest.mark.parametrize("mistake", SOURCES)
def test_a_mistake_is_named_with_its_line(mistake):
    function = SOURCES[mistake]
    with pytest.raises(ua.InvalidActivationError, match=re.escape(SAYS[mistake])) as caught:
        ua.register_activation("own_mistake")(function)
    assert f"{__file__}:{function.__code__.co_firstlineno}" in str(caught.value)
    assert "own_mistake" not in ua.list_activations()


def test_in_place():
    def forward(xp, x):
        x *= 2.0
        return x

    with pytest.raises(ua.InvalidActivationError, match=r"`x \*= 2\.0`: an array is changed"):
        ua.register_activation("own_mistake")(forward)


def test_a_kink_that_is_not_declared_right():
    kinks = lambda: (ua.Kink(0.0, 1.0),)
    with pytest.raises(ua.InvalidActivationError, match="declared as 1, but `derivative` gives 0"):
        ua.register_activation(
            "own_mistake",
            derivative=lambda xp, x: xp.where(x > 0.0, xp.full_like(x, 1.0), 0.0),
            kinks=kinks,
        )(lambda xp, x: xp.where(x > 0.0, x, 0.0))


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"kind": "odd"}, "unknown kind 'odd': use one of elementwise, axis"),
        ({"kind": "learned", "parameters": {"axis": 1}}, "name several inputs, as in inputs="),
        ({"kind": "axis"}, r"needs the parameters \['axis'\]"),
        ({"parameters": [ua.Parameter("a", 1, several=True)]}, r"\['a'\] cannot be several axes"),
        (
            {
                "kind": "axis",
                "resizes": True,
                "parameters": [ua.Parameter("axis", -1, several=True)],
            },
            "leave out several=True",
        ),
    ],
)
def test_facts_that_the_kind_needs_are_asked_for(facts, says):
    with pytest.raises(ua.InvalidActivationError, match=says):
        ua.register_activation("own_mistake", **facts)(lambda xp, x: x)


def test_a_tuple_for_each_input():
    register = ua.register_activation(
        "own_mistake",
        kind="learned",
        inputs=("x", "weight"),
        parameters={"axis": 1},
        derivative=lambda xp, x, weight: weight,
    )
    with pytest.raises(ua.InvalidActivationError, match="a tuple of 2 arrays, one for each input"):
        register(lambda xp, x, weight: x * weight)


def test_a_derivative_that_needs_the_function_itself():
    """Which has its name only when it is registered."""
    source = """
import unified_act as ua

def derivative(xp, x):
    return own_exp(xp, x)

@ua.register_activation("own_exp", derivative=derivative)
def own_exp(xp, x):
    return xp.exp(x)
"""
    with pytest.raises(ua.InvalidActivationError, match="the common part into a separate function"):
        exec(source, {})
