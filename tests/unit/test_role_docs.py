"""A role's defaults and tables are what its description says, and a difference is noticed."""

from pathlib import Path

import pytest

from tools import role_docs

SPECS = """
argument_specs:
  main:
    options:
      door_port:
        type: int
        default: 80
        description: The port.
      door_guards:
        type: list
        elements: dict
        required: true
        description: [Who is there., And when.]
        options:
          name:
            type: str
            required: true
            description: A word.
"""


@pytest.fixture
def role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A role with documents that have just been made."""
    monkeypatch.setattr(role_docs, "ROOT", tmp_path)
    monkeypatch.setattr(role_docs, "ROLES", tmp_path / "roles")
    role = tmp_path / "roles" / "door"
    (role / "meta").mkdir(parents=True)
    (role / "meta" / "argument_specs.yml").write_text(SPECS)
    (role / "README.md").write_text(f"# door\n\n{role_docs.BEGIN}{role_docs.END}\nMore.\n")
    run(monkeypatch)
    assert run(monkeypatch, "--check") == 0
    return role


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["role_docs", *arguments])
    return role_docs.main()


def test_what_is_required_has_no_default_and_each_option_is_explained(role: Path) -> None:
    defaults = (role / "defaults" / "main.yml").read_text()
    assert defaults.endswith("\n# The port.\ndoor_port: 80\n")
    assert "door_guards" not in defaults
    readme = (role / "README.md").read_text()
    assert "| `door_port` | The port. | int | `80` |" in readme
    assert "| `door_guards` | Who is there. And when. | list of dict | **required** |" in readme
    assert "Each of `door_guards` has:" in readme
    assert readme.endswith("\nMore.\n")


@pytest.mark.parametrize(
    "planted",
    [
        ("defaults/main.yml", "door_port: 80", "door_port: 81"),
        ("defaults/main.yml", "door_port: 80", "door_port: 80\ndoor_secret_option: 1"),
        ("README.md", "`80`", "`81`"),
        ("meta/argument_specs.yml", "default: 80", "default: 81"),
        ("meta/argument_specs.yml", "The port.", "Another sentence."),
    ],
)
def test_a_planted_difference_is_found(
    role: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    planted: tuple[str, str, str],
) -> None:
    file, was, becomes = planted
    path = role / file
    path.write_text(path.read_text().replace(was, becomes))
    assert run(monkeypatch, "--check") == 1
    assert "make docs" in capsys.readouterr().out


def test_a_readme_without_a_place_for_the_options_says_so(
    role: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (role / "README.md").write_text("# door\n")
    assert run(monkeypatch) == 1
    assert "roles/door/README.md needs the lines" in capsys.readouterr().err


def test_every_role_of_ours_is_described_and_its_documents_are_made_from_that() -> None:
    roles = [path for path in role_docs.ROLES.iterdir() if path.is_dir()]
    assert len(roles) > 10
    for role in roles:
        for path, expected in role_docs.made(role).items():
            assert role_docs.difference(path, expected) == []
