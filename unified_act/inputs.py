"""Advice for inputs that no backend takes as they are: how to call an activation without loss."""

from __future__ import annotations

from typing import Any

__all__ = ["advice", "kind_of"]

_REAL = "Activations take real numbers: pass x.real and x.imag, each by itself, or abs(x)."

_BY_KIND = {
    "jax.BCOO": "Make it dense with x.todense().",
    "jax.BCSR": "Make it dense with x.todense().",
    "numpy.MaskedArray": "Keep the mask with np.ma.array(f(x.data), mask=x.mask).",
    "pandas.DataFrame": "Keep its labels with pd.DataFrame(f(x.to_numpy()), x.index, x.columns).",
    "pandas.Series": "Keep its labels with pd.Series(f(x.to_numpy()), x.index, name=x.name).",
    "tensorflow.RaggedTensor": "Call f on its values with tf.ragged.map_flat_values(f, x).",
    "tensorflow.SparseTensor": "Make it dense with tf.sparse.to_dense(x).",
    "xarray.DataArray": "Keep its coordinates with xr.apply_ufunc(f, x).",
}
"""What to write for arrays that a plain conversion would damage, with f for the activation."""

_FLOATS = ("float16", "bfloat16", "float32", "float64")


def kind_of(x: Any) -> str:
    """Returns the type of `x` with the package that has it, for messages."""
    package = type(x).__module__.partition(".")[0]
    name = type(x).__name__
    return name if package == "builtins" else f"{'jax' if package == 'jaxlib' else package}.{name}"


def advice(x: Any, convert: str) -> str:
    """Returns a sentence that says how to pass `x`, without losing a part of it.

    Args:
        x: The input that was refused.
        convert: The code that makes a float32 array of what has no dtype, in which "float32" stands
            for the dtype.
    """
    dtype = str(getattr(getattr(x, "dtype", None), "name", getattr(x, "dtype", "")))
    dtype = dtype.rpartition(".")[2]
    if isinstance(x, complex) or "complex" in dtype:
        return _REAL
    kind = kind_of(x)
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if kind.startswith("scipy."):
        return "Make it dense with x.toarray()."
    wide = "float64" if dtype in ("float96", "float128", "longdouble", "object") else dtype
    return f"Convert it with {convert.replace('float32', wide if wide in _FLOATS else 'float32')}."
