import torch

from archwright.train._streams import preserved, seed_torch, step_generator

CPU = torch.device("cpu")


def test_step_generator_depends_on_every_part_of_its_key() -> None:
    draws = {
        tuple(step_generator(*key).integers(2**32, size=2)) for key in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    }
    assert len(draws) == 4
    assert step_generator(3, 1, 4).random() == step_generator(3, 1, 4).random()


def test_torch_seed_depends_on_batch_and_process() -> None:
    def draw(*key: int) -> float:
        with preserved(CPU):
            seed_torch(CPU, *key)
            return torch.rand(()).item()

    assert draw(0, 0, 0) == draw(0, 0, 0, 0)
    assert len({draw(0, 0, 0), draw(0, 0, 1), draw(0, 1, 0), draw(1, 0, 0), draw(0, 0, 0, 1)}) == 5


def test_global_generator_is_restored() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with preserved(CPU):
        seed_torch(CPU, 0, 0, 0)
        torch.rand(100)
    assert torch.equal(torch.rand(3), expected)
