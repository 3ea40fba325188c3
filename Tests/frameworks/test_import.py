"""What importing does, and does not."""

import subprocess
import sys


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_boxgrad_imports_no_torch():
    result = run("import sys, boxgrad; assert not any(name.split('.')[0] in ('torch', 'torchvision') for name in sys.modules)")
    assert result.returncode == 0, result.stderr


def test_boxgrad_torch_imports_no_torchvision():
    result = run("import sys, boxgrad.torch; assert not any(name.split('.')[0] == 'torchvision' for name in sys.modules)")
    assert result.returncode == 0, result.stderr


def test_without_torch_the_error_names_the_extra():
    result = run("import sys; sys.modules['torch'] = None; import boxgrad; boxgrad.box_area([[0, 0, 1, 1]]); import boxgrad.torch")
    assert "ImportError: boxgrad.torch needs torch 2.4 or later, which the extra brings: pip install 'boxgrad[torch]'" in result.stderr


def test_an_old_torch_is_refused():
    code = "import torch; torch.__version__ = torch.torch_version.TorchVersion('2.3.1+cpu'); import boxgrad.torch"
    assert "ImportError: boxgrad.torch needs torch 2.4 or later, and this is 2.3.1+cpu" in run(code).stderr


def test_everything_public_is_listed_and_documented():
    import boxgrad.torch

    for name in boxgrad.torch.__all__:
        documented = getattr(boxgrad.torch, name).__doc__
        assert documented and (name.endswith("Loss") or ">>>" in documented), name
    public = {name for name, value in vars(boxgrad.torch).items() if getattr(value, "__module__", "").startswith("boxgrad.torch") and name[0] != "_"}
    assert public == set(boxgrad.torch.__all__)
