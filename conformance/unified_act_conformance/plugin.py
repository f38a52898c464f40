"""The former name of `unified_act_conformance.pytest_plugin`."""

from unified_act.deprecation import moved_module

moved_module(__name__)
