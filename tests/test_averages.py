"""Running means: their closed forms, and what is no state of Adam."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gramarye.averages import check_adam, follow, follow_weights


def test_a_first_value_is_its_own_mean() -> None:
    means: dict[str, float] = {}
    follow(means, {"a": 8.0}, memory=0.75)
    assert means == {"a": 8.0}
    follow(means, {"a": 0.0, "b": 1.0}, memory=0.75)
    assert means == {"a": 6.0, "b": 1.0}


def test_averaged_weights_forget_the_start_and_then_remember() -> None:
    average, module = nn.Linear(1, 1), nn.Linear(1, 1)
    nn.init.zeros_(average.weight)
    nn.init.ones_(module.weight)
    follow_weights(average, module, step=1, decay=0.999)  # of which 2 / 11 counts
    assert_close(average.weight.detach(), torch.tensor([[9 / 11]]))
    nn.init.zeros_(average.weight)
    follow_weights(average, module, step=10**6, decay=0.75)
    assert_close(average.weight.detach(), torch.tensor([[0.25]]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exp_avg": torch.zeros(3)}, "another network"),
        ({"exp_avg_sq": torch.tensor([[torch.nan]])}, "not finite"),
        ({"step": torch.zeros(2)}, "another kind"),
        ({"momentum": torch.zeros(1, 1)}, "another kind"),
    ],
)
def test_what_is_no_state_of_adam_is_refused(change: dict[str, torch.Tensor], words: str) -> None:
    module = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    check_adam(optimizer)
    optimizer.state[module.weight].update(change)
    with pytest.raises(ValueError, match=words):
        check_adam(optimizer)
