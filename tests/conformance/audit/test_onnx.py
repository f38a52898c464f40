"""The audit of ONNX files: operators of ONNX and of ONNX Runtime, and what is written out."""

import pytest

import unified_act as ua

onnx = pytest.importorskip("onnx")
parser = pytest.importorskip("onnx.parser")


def audited(body, opset=20, more=""):
    text = f"""<ir_version: 8, opset_import: ["" : {opset}, "com.microsoft" : 1]>
    graph (float[2, 8, 8] x) => (float[2, 8, 8] y) {more} {{ {body} }}"""
    return ua.audit(parser.parse_model(text))


def texts(*arguments, **options):
    found = audited(*arguments, **options)
    assert not found.notes
    return [one.text for one in found.activations]


CASES = {
    "erf": (
        """half = Constant <value = float {0.5}> () one = Constant <value = float {1.0}> ()
        root = Constant <value = float {1.4142135}> ()
        a = Div(x, root) b = Erf(a) c = Add(b, one) d = Mul(x, c) y = Mul(d, half)""",
        ["gelu"],
    ),
    "mish": ("a = Softplus(x) b = Tanh(a) y = Mul(x, b)", ["mish"]),
    "attributes": (
        """a = HardSigmoid <alpha = 0.2, beta = 0.5> (x) b = MatMul(a, a)
        c = LeakyRelu <alpha = 0.2> (b) y = Softmax <axis = 1> (c)""",
        ["hard_sigmoid_02", "leaky_relu(negative_slope=0.2)", "softmax(axis=-2)"],
    ),
    "selu": ("y = Selu(x)", ["selu"]),
    "ONNX Runtime": (
        """a = com.microsoft.QuickGelu(x) b = MatMul(a, a) c = com.microsoft.FastGelu(b)
        d = MatMul(c, c) y = com.microsoft.Gelu(d)""",
        ["quick_gelu", "gelu_tanh", "gelu"],
    ),
    "clip": (
        """low = Constant <value = float {0.0}> () high = Constant <value = float {6.0}> ()
        y = Clip(x, low, high)""",
        ["relu6"],
    ),
    "no activation": (
        """two = Constant <value = float {2.0}> () small = Constant <value = float {0.00001}> ()
        axis = Constant <value_ints = [-1]> () high = Constant <value = float {65504.0}> ()
        m = ReduceMean(x, axis) c = Sub(x, m) s = Pow(c, two) v = ReduceMean(s, axis)
        e = Add(v, small) r = Sqrt(e) n = Div(c, r) y = Min(n, high)""",
        [],
    ),
    "types": ("a = Cast <to = 10> (x) b = Relu(a) y = Cast <to = 1> (b)", ["relu"]),
}


@pytest.mark.parametrize("what", CASES)
def test_operators(what):
    body, expected = CASES[what]
    assert texts(body) == expected


def test_attention():
    model = parser.parse_model(
        """<ir_version: 11, opset_import: ["" : 23]>
        graph (float[1, 2, 3, 4] x) => (float[1, 2, 3, 4] y) {
            y = Attention <is_causal = 1> (x, x, x)
        }"""
    )
    (one,) = ua.audit(model).activations
    assert (one.text, one.notes) == ("softmax", ("inside attention",))


def test_learned_slopes_and_places(tmp_path):
    more = "<float[8] slope = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8}>"
    found = audited("y = PRelu(x, slope)", more=more)
    (one,) = found.activations
    assert (one.text, one.notes) == ("prelu", ("learned, of shape (8,)", "weight = 0.1"))


def test_what_another_exporter_names():
    model = parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 17]>
        graph (float[2, 8] x) => (float[2, 8] y) { y = Relu(x) }"""
    )
    model.graph.node[0].name = "/layers/layers.0/act/Relu"
    assert [one.place for one in ua.audit(model).activations] == ["layers.0.act"]


def test_what_cannot_be_seen(tmp_path):
    (tmp_path / "no.onnx").write_text("no")
    with pytest.raises(ua.InputTypeError, match=r"no\.onnx is no ONNX model"):
        ua.audit(tmp_path / "no.onnx")
