"""The former name of `unified_act_keras.layers`."""

from unified_act.deprecation import moved_module

moved_module(__name__)
