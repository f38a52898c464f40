"""The errors: one family, each also the builtin that a reader expects, with helpful words."""

import pickle

import pytest

import unified_act as ua
from unified_act import errors

BUILTINS = {
    "BackendImportError": ImportError,
    "BackendNotInstalledError": ImportError,
    "InputTypeError": TypeError,
    "InvalidActivationError": TypeError,
    "NameConflictError": ValueError,
    "ParameterValueError": ValueError,
    "PluginError": ImportError,
    "UnknownActivationError": LookupError,
    "UnknownBackendError": LookupError,
    "UnknownDialectError": LookupError,
    "UnknownParameterError": TypeError,
    "UnsupportedError": NotImplementedError,
}


def test_the_table_is_complete():
    subclasses = ua.UnifiedActError.__subclasses__()
    family = {cls.__name__ for cls in subclasses if cls.__module__ == "unified_act.errors"}
    assert family == BUILTINS.keys()


@pytest.mark.parametrize("name", BUILTINS)
def test_one_family_and_the_expected_builtin(name):
    error = getattr(ua, name)
    assert error is getattr(errors, name)
    assert issubclass(error, ua.UnifiedActError)
    assert issubclass(error, BUILTINS[name])


@pytest.mark.parametrize("name", BUILTINS)
def test_survives_another_process(name):
    error = pickle.loads(pickle.dumps(getattr(ua, name)("what went wrong")))
    assert type(error) is getattr(ua, name)
    assert str(error) == "what went wrong"


def test_suggests_the_nearest():
    assert errors.suggest("geluu", ["gelu", "tanh"]) == "Did you mean 'gelu'?"


def test_suggests_two_at_the_most():
    known = ["gelu_a", "gelu_b", "gelu_c", "tanh"]
    assert errors.suggest("gelu_", known).count("gelu") == 2


def test_names_all_where_nothing_is_near():
    assert errors.suggest("xyz", iter(["relu", "gelu"])) == "Known: gelu, relu."
