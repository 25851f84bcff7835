"""All tests run with the shapes in flowlib's signatures checked at every call."""

import jaxtyping
import pytest
from jaxtyping import install_import_hook

install_import_hook("flowlib", "beartype.beartype")

import torch  # noqa: E402
from hypothesis import settings  # noqa: E402

# The same examples each time, and no deadline: the machine may be busy, and tests time nothing.
settings.register_profile("flowlib", derandomize=True, deadline=None, max_examples=25)
settings.load_profile("flowlib")
torch.set_num_threads(1)  # the tensors are small


@pytest.fixture
def as_users_see_it():
    """Bad input as a user meets it, without the shape checks that only the tests switch on."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def seeded():
    torch.manual_seed(0)
