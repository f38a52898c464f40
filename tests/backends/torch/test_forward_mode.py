"""Forward mode along an axis, as PyTorch's users call it."""

import pytest
import torch

import unified_act as ua
from tests.specifications import SPECS, further_inputs

ALONG_AXIS = [name for name, spec in SPECS.items() if spec.along_axis]


@pytest.mark.quick(lambda name, numerics: numerics == "strict")
@pytest.mark.parametrize("name", ALONG_AXIS)
@pytest.mark.parametrize("numerics", ["strict", "fast"])
def test_within_a_dual_level(name, numerics):
    function = ua.get_activation(name, backend="torch", numerics=numerics)
    generator = torch.Generator().manual_seed(0)
    x, tangent = torch.randn(2, 3, 4, 6, dtype=torch.float64, generator=generator).unbind(0)
    further = [torch.as_tensor(each) for each in further_inputs(name, (3, 4, 6))]
    further = [each.double() if each.is_floating_point() else each for each in further]
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, tangent)
        found = torch.autograd.forward_ad.unpack_dual(function(dual, *further)).tangent
    step = 1e-6
    ends = [function(x + sign * step * tangent, *further) for sign in (1.0, -1.0)]
    wanted = (ends[0] - ends[1]) / (2.0 * step)
    known = torch.isfinite(wanted)
    torch.testing.assert_close(found[known], wanted[known], rtol=1e-5, atol=1e-7)
